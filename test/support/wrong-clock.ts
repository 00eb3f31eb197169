import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { command } from './command.js';
import { newDirectory } from './run-directory.js';

/** The clock of a process that is started with `env`. Its monotonic clock is as it is: no administrator sets that one. */
export interface ProcessClock {
  readonly env: Readonly<Record<string, string>>;
  /** How far it is off from now on, as faketime says it: `+1d`, `-90m`; within a second the process goes by it. */
  set(offset: string): void;
  /** Clears the shared memory that the library leaves of a process which has ended. */
  forget(pid: number): void;
}

export async function processClock(offset: string): Promise<ProcessClock> {
  const file = join(newDirectory('clock'), 'offset');
  // It knows where the library is, which is different on every architecture.
  const preload = await command('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD']);
  const set = (next: string) => writeFileSync(file, `${next}\n`);
  set(offset);
  return {
    set,
    forget: (pid) => {
      for (const name of ['faketime_shm_', 'sem.faketime_sem_']) rmSync(`/dev/shm/${name}${pid}`, { force: true });
    },
    env: {
      LD_PRELOAD: preload.trim(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    },
  };
}

/** An engine behind a proxy that shows the times of another clock. */
export interface EngineClock {
  /** unix://... */
  readonly endpoint: string;
  /** By how many hours the times in its answers are off from now on. */
  setHours(hours: number): void;
  /** How many answers had times in them so far. */
  shifted(): number;
  close(): Promise<void>;
}

/** Of the one form that engines write: RFC 3339 in UTC, with a fraction or without. Of no time there is none to shift. */
const TIME = /(?!0001)\d{4}-\d\d-\d\dT\d\d(?=:\d\d:\d\d(\.\d+)?Z")/g;
const HOUR_MS = 3_600_000;

export async function engineClock(socketPath: string, hours: number): Promise<EngineClock> {
  const own = join(newDirectory('clock'), 's.sock');
  let offset = hours;
  let shifted = 0;
  const shift = (text: string) => {
    const other = text.replace(TIME, (time) => {
      const at = new Date(`${time}:00:00Z`).getTime() + offset * HOUR_MS;
      return new Date(at).toISOString().slice(0, time.length);
    });
    if (other !== text) shifted += 1;
    return other;
  };
  const server = createServer((asked, answer) => forward(socketPath, asked, answer, shift));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(own, resolve);
  });
  return {
    endpoint: `unix://${own}`,
    setHours: (next) => {
      offset = next;
    },
    shifted: () => shifted,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      rmSync(own, { force: true });
    },
  };
}

/** What comes whole is read to its end first, so that no time is in two pieces; a stream is passed on as it is. */
function forward(
  socketPath: string,
  asked: IncomingMessage,
  answer: ServerResponse,
  shift: (text: string) => string,
): void {
  const { method, url: path, headers } = asked;
  const outgoing = request({ socketPath, method, path, headers, agent: false }, (reply) => {
    const isStream = /\/(events|logs|wait|images\/create|build)(\?|$)/.test(path ?? '');
    const isJson = reply.headers['content-type']?.startsWith('application/json') === true;
    const { 'content-length': _length, 'transfer-encoding': _coding, ...others } = reply.headers;
    if (isStream || !isJson) {
      answer.writeHead(reply.statusCode ?? 502, isJson || isStream ? others : reply.headers);
      answer.flushHeaders();
      return void reply.on('error', () => answer.destroy()).pipe(answer);
    }
    const pieces: Buffer[] = [];
    reply.on('data', (piece: Buffer) => void pieces.push(piece));
    reply.on('error', () => answer.destroy());
    reply.on('end', () => {
      const body = Buffer.from(shift(Buffer.concat(pieces).toString()));
      answer.writeHead(reply.statusCode ?? 502, { ...others, 'content-length': body.length });
      answer.end(body);
    });
  });
  outgoing.on('error', () => answer.destroy());
  answer.on('close', () => outgoing.destroy());
  asked.on('error', () => outgoing.destroy());
  asked.pipe(outgoing);
}
