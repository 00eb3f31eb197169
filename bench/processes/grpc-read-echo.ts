import type { sendUnaryData } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { serveEcho } from '../load/echo-server.js';

/*
 * grpc-read-echo BYTES SOCKET: as grpc-echo, but each answer is a text of BYTES bytes that the Redis at SOCKET was asked for after the call came: with one
 * script for what comes in one turn of the event loop, up to 16 calls, as the service does it. Nothing else happens, so this is what reading
 * costs where nothing is checked, decoded, encoded, counted or ended at a deadline.
 */

const MOST_AT_ONCE = 16;
const KEY = 'grpc-read-echo';
const SCRIPT = "local found = {} for at, key in ipairs(KEYS) do found[at] = redis.call('GET', key) end return found";

const [bytes = '', socket = ''] = process.argv.slice(2);
const redis = new Redis(socket);
await redis.set(KEY, 'e'.repeat(Number(bytes)));
const script = String(await redis.script('LOAD', SCRIPT));

let waiting: sendUnaryData<Buffer>[] = [];

function readAll(): void {
  const due = waiting;
  waiting = [];
  for (let first = 0; first < due.length; first += MOST_AT_ONCE) void answer(due.slice(first, first + MOST_AT_ONCE));
}

async function answer(calls: readonly sendUnaryData<Buffer>[]): Promise<void> {
  const found = await redis.evalsha(script, calls.length, ...calls.map(() => KEY));
  if (!Array.isArray(found)) throw new TypeError('Redis does not answer with texts');
  for (const [at, callback] of calls.entries()) callback(null, Buffer.from(String(found[at])));
}

serveEcho((_call, callback) => {
  if (waiting.length === 0) setImmediate(readAll);
  waiting.push(callback);
});
