import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly revision: string | null;
  readonly ms: number;
}

/** GET of a container's url. Names below .localhost do not resolve everywhere, so it connects to the ingress and sends the name. */
export function get(url: string): Promise<Answer> {
  const { host, port, pathname } = new URL(url);
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: port || 80, path: pathname, headers: { host }, timeout: 5_000 };
    const asked = request(options, (response) => {
      response.on('error', reject);
      response.on('end', () => {
        const revision = response.headers['x-revision'];
        const status = response.statusCode ?? 0;
        resolve({ status, revision: typeof revision === 'string' ? revision : null, ms: performance.now() - began });
      });
      response.resume();
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')));
    asked.on('error', reject);
    asked.end();
  });
}

export interface CallsMade {
  readonly count: number;
  readonly failures: readonly string[];
  readonly slowestMs: number;
  readonly revisions: ReadonlySet<string>;
}

const INTERVAL_MS = 20;

/** Calls the url on a fixed beat, whatever the answers do, until it is told to stop. It never tries anything again. */
export function keepCalling(url: string): { stop(): Promise<CallsMade> } {
  const inFlight = new Set<Promise<void>>();
  const failures: string[] = [];
  const revisions = new Set<string>();
  let count = 0;
  let slowestMs = 0;
  const once = async (): Promise<void> => {
    count += 1;
    try {
      const { status, revision, ms } = await get(url);
      slowestMs = Math.max(slowestMs, ms);
      if (status !== 200) failures.push(`status ${status}`);
      if (revision) revisions.add(revision);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  };
  const timer = setInterval(() => {
    const call = once().finally(() => inFlight.delete(call));
    inFlight.add(call);
  }, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      return { count, failures, slowestMs, revisions };
    },
  };
}
