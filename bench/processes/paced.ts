import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../figures.js';

/*
 * Requests by the clock, however fast the answers come: paced.ts PORT HOST PATH PER_SECOND SECONDS CONNECTIONS. Says how long
 * the answers took, in milliseconds; a request that found all connections busy counts from when it was due.
 */

const [port, host, path, perSecond, seconds, connections] = process.argv.slice(2);
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const WARM_UP_MS = 1_000;

interface Connection {
  readonly socket: Socket;
  dueAt: number;
  text: string;
}

const free: Connection[] = [];
const waiting: number[] = [];
const tookMs: number[] = [];
let failed = 0;
let measuring = false;

function send(connection: Connection, dueAt: number): void {
  connection.dueAt = dueAt;
  connection.text = '';
  connection.socket.write(REQUEST);
}

function onData(connection: Connection, chunk: Buffer): void {
  connection.text += chunk.toString('latin1');
  const end = connection.text.indexOf('\r\n\r\n');
  if (end < 0) return;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(connection.text)?.[1]);
  if (connection.text.length < end + 4 + length) return;
  if (!connection.text.startsWith('HTTP/1.1 200 ')) failed += 1;
  if (measuring) tookMs.push(performance.now() - connection.dueAt);
  const next = waiting.shift();
  if (next === undefined) free.push(connection);
  else send(connection, next);
}

async function open(): Promise<void> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  const connection: Connection = { socket, dueAt: 0, text: '' };
  socket.on('data', (chunk) => onData(connection, chunk));
  socket.on('close', () => {
    failed += 1;
  });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  free.push(connection);
}

async function pace(forMs: number): Promise<void> {
  const everyMs = 1000 / Number(perSecond);
  const startedAt = performance.now();
  let sent = 0;
  for (let now = startedAt; now < startedAt + forMs; now = performance.now()) {
    for (; startedAt + sent * everyMs <= now; sent += 1) {
      const connection = free.shift();
      if (connection === undefined) waiting.push(startedAt + sent * everyMs);
      else send(connection, performance.now());
    }
    await delay(1);
  }
}

process.stdout.write('{}\n');
for (let count = 0; count < Number(connections); count += 1) await open();
await pace(WARM_UP_MS);
measuring = true;
await pace(Number(seconds) * 1000);
const result = { p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99), answered: tookMs.length, failed };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
