import { createConnection, createServer, type Socket } from 'node:net';
import { z } from 'zod';
import { type EngineDriver, EngineError, type EngineEvent } from '../../src/engine/driver.js';

/*
 * Hosts in memory for several services at once: one process has them, the others ask it over a socket, a line of JSON a call. Of the port of an
 * engine only what a deploy calls goes over it, and events are not told.
 */

const CALLS = [
  'ping',
  'info',
  'list',
  'inspect',
  'foreignGpus',
  'findImage',
  'create',
  'start',
  'stop',
  'rename',
  'remove',
  'claim',
  'ensureNetwork',
] as const;
type Call = (typeof CALLS)[number];

const question = z.object({
  id: z.number(),
  host: z.string(),
  owner: z.string(),
  call: z.enum(CALLS),
  args: z.array(z.unknown()),
});
const reply = z.object({
  id: z.number(),
  value: z.unknown().optional(),
  error: z
    .object({ kind: z.custom<EngineError['kind']>(), message: z.string(), reason: z.custom<EngineError['reason']>() })
    .optional(),
});

/** Answers on a unix socket with the drivers that `driver` makes, one per host and control plane. */
export function serveEngines(path: string, driver: (host: string, owner: string) => EngineDriver): Promise<void> {
  const drivers = new Map<string, EngineDriver>();
  const server = createServer((socket) => {
    const send = linesTo(socket);
    onLine(socket, (line) => {
      const { id, host, owner, call, args } = question.parse(JSON.parse(line));
      const found = drivers.get(`${host} ${owner}`) ?? driver(host, owner);
      drivers.set(`${host} ${owner}`, found);
      // The port's own types hold on the other side, where the call was made.
      const method = found[call] as (...given: readonly unknown[]) => Promise<unknown>;
      method(...args).then(
        (value) => send({ id, value }),
        (error: unknown) => send({ id, error: wordsOf(error) }),
      );
    });
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

function wordsOf(error: unknown) {
  if (!(error instanceof EngineError)) throw error;
  return { kind: error.kind, message: error.message, reason: error.reason };
}

export interface RemoteEngines {
  driver(host: string, owner: string): EngineDriver;
}

export async function remoteEngines(path: string): Promise<RemoteEngines> {
  const socket = await connected(path);
  const send = linesTo(socket);
  const waiting = new Map<number, (line: z.infer<typeof reply>) => void>();
  onLine(socket, (line) => {
    const answer = reply.parse(JSON.parse(line));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let last = 0;
  const ask = <T>(host: string, owner: string, call: Call, args: readonly unknown[]): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value as T);
        else reject(new EngineError(error.kind, host, error.message, { reason: error.reason }));
      });
      send({ id, host, owner, call, args });
    });
  return { driver: (host, owner) => driverOn(host, (call, ...args) => ask(host, owner, call, args)) };
}

function driverOn(host: string, ask: <T>(call: Call, ...args: readonly unknown[]) => Promise<T>): EngineDriver {
  const never = (call: string) => () => Promise.reject(new Error(`${call} does not go over the socket`));
  return {
    host,
    ping: () => ask('ping'),
    info: () => ask('info'),
    list: (filter) => ask('list', filter),
    inspect: (name) => ask('inspect', name),
    foreignGpus: (uuids) => ask('foreignGpus', uuids),
    findImage: (reference) => ask('findImage', reference),
    create: (instance) => ask('create', instance),
    start: (name) => ask('start', name),
    stop: (name, grace) => ask('stop', name, grace),
    rename: (name, newName) => ask('rename', name, newName),
    remove: (name) => ask('remove', name),
    claim: () => ask('claim'),
    ensureNetwork: () => ask('ensureNetwork'),
    images: () => Promise.resolve([]),
    removeImage: never('removeImage'),
    makings: never('makings'),
    pull: never('pull'),
    logs: never('logs'),
    events: silence,
  };
}

async function* silence(signal: AbortSignal): AsyncGenerator<EngineEvent, void, undefined> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  yield* [];
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => resolve(socket));
    socket.once('error', reject);
  });
}

function onLine(socket: Socket, listener: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) listener(line);
  });
}

/** What is sent in one turn goes out in one write. */
function linesTo(socket: Socket): (value: object) => void {
  let pending = '';
  const flush = () => {
    socket.write(pending);
    pending = '';
  };
  return (value) => {
    if (pending === '') setImmediate(flush);
    pending += `${JSON.stringify(value)}\n`;
  };
}
