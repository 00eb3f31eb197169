import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { ask, HOST, routeTo, sendRaw, startIngress, type TestIngress } from '../../support/ingress.js';
import { startInstance, type TestInstance } from '../../support/instance.js';
import { until } from '../../support/until.js';

const LARGE = 8 * 1024 * 1024;

let ingress: TestIngress;
let instance: TestInstance;

beforeAll(async () => {
  instance = await startInstance('i1', (request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(LARGE, 'x'));
    return request.url === '/large' || request.url === '/never';
  });
  ingress = await startIngress({ headersTimeoutMs: 200, maxHeaders: 20, maxHeaderSize: 8192 });
  await ingress.publish(routeTo(instance.target));
});

afterAll(async () => {
  await ingress.ingress.stop(0);
  await instance.kill();
});

const close = 'Connection: close\r\n';

test.each([
  [
    'both lengths',
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['two lengths', `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ['a length that is none', `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: +3\r\n\r\nabc`, 400],
  [
    'another coding',
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\n${close}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  [
    'a coding that is not last',
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['a coding in HTTP/1.0', `POST / HTTP/1.0\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a bad chunk', `POST /echo HTTP/1.1\r\nHost: nobody\r\n${close}Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n`, 404],
  ['space before the colon', `GET / HTTP/1.1\r\nHost : ${HOST}\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: 1\r\n 2\r\n${close}\r\n`, 400],
  ['no host', `GET / HTTP/1.1\r\n${close}\r\n`, 400],
  ['no host in HTTP/1.0', `GET / HTTP/1.0\r\n\r\n`, 400],
  ['two hosts', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: other\r\n${close}\r\n`, 400],
  ['the absolute form', `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n${close}\r\n`, 400],
  ['CONNECT', `CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 405],
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['a header that is too large', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: ${'a'.repeat(10_000)}\r\n\r\n`, 431],
  ['too many fields', `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${close}${'X: 1\r\n'.repeat(30)}\r\n`, 431],
])('%s', async (_name, bytes, status) => {
  const before = instance.requests.length;
  const text = await sendRaw(ingress.port, bytes);
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*"errorCode":${status},`));
  expect(instance.requests.length).toBe(before);
});

test('a body that does not parse is a 400, and the instance is let go', async () => {
  const head = `POST /never HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  expect(await sendRaw(ingress.port, `${head}3\r\nabc\r\nxyz\r\n`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"errorCode":400,/);
  await until('nothing is in flight', () => ingress.ingress.status().inFlight === 0);
});

test('what does not parse costs the request before it nothing', async () => {
  const text = await sendRaw(ingress.port, `GET /stream?seconds=0.3 HTTP/1.1\r\nHost: ${HOST}\r\n\r\nhello\r\n\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*end\n[\s\S]*HTTP\/1\.1 400 [\s\S]*"errorCode":400,/);
});

test('OPTIONS * is forwarded as it is', async () => {
  await sendRaw(ingress.port, `OPTIONS * HTTP/1.1\r\nHost: ${HOST}\r\n${close}\r\n`);
  expect(instance.requests.at(-1)).toBe('OPTIONS *');
});

test('an HTTP/1.0 caller gets its answer, and the connection ends', async () => {
  const text = await sendRaw(ingress.port, `GET /stream?seconds=0.1 HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(text.toLowerCase()).not.toContain('transfer-encoding');
  expect(text.endsWith('end\n')).toBe(true);
});

test('a header that does not come to its end is answered 408', async () => {
  const text = await sendRaw(ingress.port, `GET / HTTP/1.1\r\nHost: ${HOST}\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*"errorCode":408/);
});

test('connections beyond the limit are closed, the others go on', async () => {
  const small = await startIngress({ maxConnections: 2 });
  await small.publish(routeTo(instance.target));
  const sockets = [1, 2].map(() => connect(small.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  await expect(ask(small.port)).rejects.toThrow(/hang up|ECONNRESET/);
  for (const socket of sockets) socket.destroy();
  await until('there is room', async () => (await ask(small.port)).status === 200);
  expect((await ask(small.port)).status).toBe(200);
  await small.ingress.stop(0);
});

test('a refused caller that is still sending gets to read why', async () => {
  const body = Buffer.alloc(8 * 1024 * 1024);
  const headers = { host: `nobody.containers.localhost`, 'content-length': body.length };
  const answer = await ask(ingress.port, '/', { method: 'POST', headers }, body);
  expect(answer.status).toBe(404);
});

test('a refused caller that never stops sending is cut off', async () => {
  const headers = { host: `nobody.containers.localhost`, 'transfer-encoding': 'chunked' };
  const options = { host: '127.0.0.1', port: ingress.port, method: 'POST', headers, agent: false as const };
  const request = httpRequest(options);
  const response = new Promise<number | undefined>((resolve) => {
    request.on('response', (answer) => {
      answer.on('error', () => undefined).resume();
      resolve(answer.statusCode);
    });
  });
  request.on('error', () => undefined);
  const timer = setInterval(() => request.write('more'), 20);
  const closed = new Promise((resolve) => request.once('socket', (socket) => socket.once('close', resolve)));
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
  clearInterval(timer);
  expect(await response).toBe(404);
  expect(request.socket?.destroyed).toBe(true);
});

test('stopping lets what is in flight end, and closes kept connections', async () => {
  const other = await startIngress();
  await other.publish(routeTo(instance.target));
  const kept = connect(other.port, '127.0.0.1');
  const keptClosed = new Promise((resolve) => kept.once('close', resolve));
  await new Promise((resolve) => kept.once('connect', resolve));
  const stream = ask(other.port, '/stream?seconds=1');
  await until('it is in flight', () => other.ingress.status().inFlight === 1);
  const stopped = other.ingress.stop(10_000);
  await keptClosed;
  expect(other.routes.left).toEqual([]);
  expect((await stream).body.endsWith('end\n')).toBe(true);
  await stopped;
  expect(other.routes.left).toHaveLength(1);
  await expect(ask(other.port)).rejects.toThrow('ECONNREFUSED');
});

describe('an upgrade behind other requests on one connection', () => {
  async function answers(...requests: string[]): Promise<string[]> {
    const text = await sendRaw(ingress.port, requests.join(''));
    return text.match(/HTTP\/1\.1 \d+|line\n|i1(?=HTTP|$)/g) ?? [];
  }
  const slow = `GET /stream?seconds=0.3 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  const large = `GET /large HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  const upgrade = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  const offer = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
  const last = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${close}\r\n`;

  test.each([
    ['a WebSocket', [slow, slow, upgrade], 3],
    ['an offer of h2c, and what follows it', [slow, offer, slow, offer, last], 5],
  ])('%s has its answer after theirs', async (_name, requests, count) => {
    const found = (await answers(...requests)).filter((one) => one !== 'line\n');
    expect(found.filter((one) => one === 'HTTP/1.1 200')).toHaveLength(count);
    expect(found.at(-1)).toBe('i1');
  });

  test('what is large before it is whole', async () => {
    const text = await sendRaw(ingress.port, large + upgrade);
    expect(text.length).toBeGreaterThan(LARGE);
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});

test('a caller that leaves ends all its requests, those whose turn has not come as well', async () => {
  const one = `GET /never HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  const upgrade = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  for (const bytes of [one + one + one, one + one + one + upgrade]) {
    const caller = connect(ingress.port, '127.0.0.1');
    caller.write(bytes);
    await until('they are in flight', () => ingress.ingress.status().inFlight === 3);
    caller.resetAndDestroy();
    await until('nothing is in flight', () => ingress.ingress.status().inFlight === 0);
    expect(ingress.done.slice(-3).map(({ status }) => status)).toEqual([499, 499, 499]);
  }
});
