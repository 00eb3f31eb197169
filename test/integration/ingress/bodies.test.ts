import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { HOST, routeTo, startIngress, type TestIngress } from '../../support/ingress.js';
import { startInstance, type TestInstance } from '../../support/instance.js';
import { until } from '../../support/until.js';

/** Of no length that fits into anything, so that a part that comes twice or in the wrong place changes the whole. */
const CONTENT = randomBytes(6_345_677);
const WHICH = [0, 1, 2, 3, 4, 5, 6, 7];
const PARTS = [1, 20_000, 100, 70_000, 3, 300_000, 16_384, 65_536, 16_383, 2_000];

let ingress: TestIngress;
let instance: TestInstance;
/** Another one for each caller. */
function contentOf(which: number): Buffer {
  const from = which * 765_432;
  return Buffer.concat([CONTENT.subarray(from), CONTENT.subarray(0, from)]);
}

const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** By the instance, in bytes. */
let written = 0;

beforeAll(async () => {
  instance = await startInstance('i1', (request, response) => {
    const [path, which] = request.url?.split('?') ?? [];
    if (path === '/length') response.setHeader('content-length', CONTENT.length);
    if (path === '/until-close') response.useChunkedEncodingByDefault = false;
    void (path === '/bit-by-bit' ? sendSlowly : send)(response, contentOf(Number(which)));
    return true;
  });
  ingress = await startIngress();
  await ingress.publish(routeTo(instance.target));
});

afterAll(async () => {
  await ingress.ingress.stop(1000);
  await instance.kill();
});

async function send(response: ServerResponse, content: Buffer): Promise<void> {
  let at = 0;
  for (let turn = 0; at < content.length; turn += 1) {
    const size = PARTS[turn % PARTS.length] ?? 1;
    const room = response.write(content.subarray(at, at + size));
    at += size;
    if (!room) await new Promise((resolve) => response.once('drain', resolve));
  }
  response.end();
}

/** In parts that are read one by one. */
async function sendSlowly(response: ServerResponse, content: Buffer): Promise<void> {
  for (let at = 0; at < content.length; at += 20_000) {
    const part = content.subarray(at, at + 20_000);
    if (!response.write(part)) await new Promise((resolve) => response.once('drain', resolve));
    written += part.length;
    await delay(1);
  }
  response.end();
}

/** Reads so slowly now and then that the kernel's room is used up all the way to the instance. */
async function sumOf(path: string, mayRead?: Promise<unknown>): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { host: HOST };
    httpRequest({ host: '127.0.0.1', port: ingress.port, path, agent: false, headers }, resolve)
      .on('error', reject)
      .end();
  });
  await mayRead;
  const sum = createHash('sha256');
  let turn = 0;
  for await (const bytes of response as AsyncIterable<Buffer>) {
    sum.update(bytes);
    turn += 1;
    if (turn % 50 === 1) await delay(20);
  }
  return sum.digest('hex');
}

test.each(['/length', '/chunks', '/until-close'])(
  '%s: many slow callers get what was sent, each of them',
  async (path) => {
    const sums = await Promise.all(WHICH.map((which) => sumOf(`${path}?${which}`)));
    expect(sums).toEqual(WHICH.map((which) => hashOf(contentOf(which))));
  },
);

test('what waits here for callers that do not read is not touched by what comes for others', async () => {
  const mayRead = until('the instance cannot write any more', async () => {
    const before = written;
    await delay(500);
    return written > 0 && written === before;
  });
  const sums = await Promise.all(WHICH.map((which) => sumOf(`/bit-by-bit?${which}`, mayRead)));
  expect(sums).toEqual(WHICH.map((which) => hashOf(contentOf(which))));
});

test('what waits here of an answer that is over is not touched by the next one on its connection', async () => {
  const socket = connect({ host: '127.0.0.1', port: ingress.port });
  socket.write(`GET /length?1 HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  const parts: Buffer[] = [];
  const readSome = () => {
    const some = socket.read() as Buffer | null;
    if (some !== null) parts.push(some);
    return parts.length > 0 && ingress.ingress.status().inFlight === 0;
  };
  await until('the instance has nothing more to do for it', readSome);
  expect(await sumOf('/length?2')).toBe(hashOf(contentOf(2)));
  for await (const bytes of socket as AsyncIterable<Buffer>) parts.push(bytes);
  const text = Buffer.concat(parts);
  expect(hashOf(text.subarray(text.indexOf('\r\n\r\n') + 4))).toBe(hashOf(contentOf(1)));
});

test('an answer that waits for its turn behind another one is whole as well', async () => {
  const socket = connect({ host: '127.0.0.1', port: ingress.port });
  const ask = (which: number) => `GET /length?${which} HTTP/1.1\r\nHost: ${HOST}\r\n`;
  socket.write(`${ask(0)}\r\n${ask(1)}Connection: close\r\n\r\n`);
  const parts: Buffer[] = [];
  for await (const bytes of socket as AsyncIterable<Buffer>) parts.push(bytes);
  const text = Buffer.concat(parts);
  const [first, second] = [0, 1].map((which) => {
    const from = text.indexOf('\r\n\r\n', which * CONTENT.length) + 4;
    return text.subarray(from, from + CONTENT.length);
  });
  expect(first?.equals(CONTENT)).toBe(true);
  expect(second?.equals(contentOf(1))).toBe(true);
});
