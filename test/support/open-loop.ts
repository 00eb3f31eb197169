import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A caller that does not wait for answers before it calls again: requests start by the clock, as strangers' do. It never retries,
 * and it holds every answer against what it has been told to expect.
 */
export interface OpenLoopOptions {
  readonly port: number;
  readonly host: string;
  /** Half of them are kept alive, the other half are new ones for each request. */
  readonly connections?: number;
  /** Between two requests of one connection. */
  readonly everyMs?: number;
  /** An answer that takes longer is a failure; 2 s by default. Raise it where caller, ingress and instances share a busy processor. */
  readonly slowMs?: number;
  /** The revision that an answer names, from its header `x-revision`. */
  readonly revision: string;
}

export interface OpenLoopReport {
  readonly sent: number;
  readonly answered: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

export interface OpenLoop {
  /** A switch to this revision begins: what has not been answered yet may come from it. */
  switching(revision: string): void;
  /** The last switch is done: what starts from now on must not be answered by anything before it. */
  done(): void;
  /** Reads `/stream` to its end; any failure is reported as the others are. */
  stream(seconds: number): Promise<void>;
  /** How many answers this revision has given. */
  answers(revision: string): number;
  /** Starts nothing more and resolves when all is answered. */
  stop(): Promise<OpenLoopReport>;
}

const MEBIBYTE = Buffer.alloc(1024 * 1024, 'longshore ');

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly agent: Agent | false;
  readonly limitMs: number;
}

export function startOpenLoop(options: OpenLoopOptions): OpenLoop {
  const { connections = 32, everyMs = 200, slowMs = 2_000 } = options;
  const kept = new Agent({ keepAlive: true, maxSockets: connections / 2 });
  const answered = new Map<string, number>();
  const failures: string[] = [];
  // Every revision that was switched to, in order, and where in that list the last one that was done stands.
  const switches: string[] = [options.revision];
  let settled = 0;
  let sent = 0;
  let running = true;

  async function call(kind: Call): Promise<void> {
    const since = settled;
    const startedAt = performance.now();
    sent += 1;
    try {
      const { response, size } = await exchange(options, kind);
      const tookMs = performance.now() - startedAt;
      const revision = String(response.headers['x-revision']);
      answered.set(revision, (answered.get(revision) ?? 0) + 1);
      const name = `${kind.method} ${kind.path} of revision ${revision}`;
      if (response.statusCode !== 200) failures.push(`${name}: status ${response.statusCode}`);
      if (!switches.slice(since).includes(revision)) failures.push(`${name}: after ${switches[since]} was done`);
      if (kind.method === 'POST' && size !== MEBIBYTE.length) failures.push(`${name}: ${size} bytes came back`);
      if (tookMs > kind.limitMs) failures.push(`${name}: took ${Math.round(tookMs)} ms`);
    } catch (error) {
      failures.push(`${kind.method} ${kind.path} on a ${kind.agent ? 'kept' : 'new'} connection: ${String(error)}`);
    }
  }

  async function connection(index: number): Promise<void> {
    const agent = index % 2 === 0 ? kept : false;
    // One in four carries 1 MiB both ways.
    const kind = index % 4 < 3 ? ({ method: 'GET', path: '/' } as const) : ({ method: 'POST', path: '/echo' } as const);
    const calls: Promise<void>[] = [];
    await delay((everyMs * index) / connections);
    while (running) {
      calls.push(call({ ...kind, agent, limitMs: slowMs }));
      await delay(kind.method === 'POST' ? everyMs * 5 : everyMs);
    }
    await Promise.all(calls);
  }

  const all = Array.from({ length: connections }, (_, index) => connection(index));
  return {
    switching(revision) {
      switches.push(revision);
    },
    done() {
      settled = switches.length - 1;
    },
    stream: (seconds) =>
      call({ method: 'GET', path: `/stream?seconds=${seconds}`, agent: false, limitMs: seconds * 1000 + slowMs }),
    answers: (revision) => answered.get(revision) ?? 0,
    async stop() {
      running = false;
      await Promise.all(all);
      kept.destroy();
      return { sent, answered, failures };
    },
  };
}

function exchange(
  { port, host }: OpenLoopOptions,
  { method, path, agent }: Call,
): Promise<{ readonly response: IncomingMessage; readonly size: number }> {
  return new Promise((resolve, reject) => {
    const headers = { host, ...(method === 'POST' ? { 'content-length': MEBIBYTE.length } : {}) };
    const request = httpRequest({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      let size = 0;
      let last: Buffer = Buffer.alloc(0);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        last = chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const cut = path.startsWith('/stream') && !last.toString().endsWith('end\n');
        if (!response.complete || cut) reject(new Error(`the body was cut off after ${size} bytes`));
        else resolve({ response, size });
      });
    });
    request.on('error', reject);
    request.end(method === 'POST' ? MEBIBYTE : undefined);
  });
}
