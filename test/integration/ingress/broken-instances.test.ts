import { connect } from 'node:net';
import { type CrudeInstance, startCrudeInstance } from '../../support/crude-instance.js';
import { ask, HOST, routeTo, sendRaw, startIngress, type TestIngress } from '../../support/ingress.js';
import { until } from '../../support/until.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n';

/** What the instance answers with, byte for byte, by the path that is asked for. */
const ANSWERS: Record<string, string> = {
  '/links': `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload; as=script\r\n\r\n${OK}`,
  '/bad-link': `HTTP/1.1 103 Early Hints\r\nLink: bad\r\n\r\n${OK}`,
  '/odd-link': `HTTP/1.1 103 Early Hints\r\nLink: \x80 <a>\r\nContent-Length: 5\r\n\r\n${OK}`,
  '/reason': 'HTTP/1.1 203 \x01\x7f odd\r\nContent-Length: 2\r\n\r\nok',
  '/latin-reason': 'HTTP/1.1 203 \xe9t\xe9\r\nContent-Length: 2\r\n\r\nok',
  '/101': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  '/bare-101': 'HTTP/1.1 101 Switching Protocols\r\n\r\nraw',
  '/some-hints': `${HINT.repeat(50)}${OK}`,
  '/many-hints': `${HINT.repeat(1000)}${OK}`,
  '/many-100': `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)}${OK}`,
  '/half': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  '/gzip': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  '/gzip-only': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc',
  '/99': 'HTTP/1.1 099 \x01\r\nContent-Length: 2\r\n\r\nok',
};

let ingress: TestIngress;
let instance: CrudeInstance;

beforeAll(async () => {
  instance = await startCrudeInstance('i1', (socket, request) => {
    const path = request.split(' ')[1] ?? '';
    socket.write(Buffer.from(ANSWERS[path] ?? OK, 'latin1'));
    if (path === '/half') socket.end();
  });
  ingress = await startIngress();
  await ingress.publish({ ...routeTo(instance.target), executionTimeoutMs: 10_000 });
});

afterAll(async () => {
  await ingress.ingress.stop(0);
  await instance.kill();
});

function get(path: string, version = '1.1'): Promise<string> {
  return sendRaw(ingress.port, `GET ${path} HTTP/${version}\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
}

test('several links in one 103 are passed on', async () => {
  const text = await get('/links');
  expect(text).toContain('</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script\r\n\r\nHTTP/1.1 200 OK');
});

test.each(['/bad-link', '/odd-link'])('a hint that cannot be passed on is left out: %s', async (path) => {
  expect(await get(path)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
  expect((await ask(ingress.port, '/')).body).toBe('ok');
});

test('a reason with control characters is replaced, any other kept', async () => {
  expect(await get('/reason')).toMatch(/^HTTP\/1\.1 203 Non-Authoritative Information\r\n[\s\S]*ok$/);
  expect(await get('/latin-reason')).toMatch(/^HTTP\/1\.1 203 \xe9t\xe9\r\n[\s\S]*ok$/);
});

test('a status that does not exist is a 502', async () => {
  expect(await get('/99')).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*"errorCode":502/);
});

test.each(['/gzip', '/gzip-only'])('a transfer coding that would be lost on the way is a 502: %s', async (path) => {
  expect(await get(path)).toMatch(/^HTTP\/1\.1 502 [\s\S]*"errorCode":502/);
});

test('an upgrade that is refused with control characters in its reason is answered', async () => {
  const fields = `Host: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(await sendRaw(ingress.port, `GET /reason HTTP/1.1\r\n${fields}`)).toMatch(/^HTTP\/1\.1 203 Non/);
  expect(await sendRaw(ingress.port, `GET /99 HTTP/1.1\r\n${fields}`)).toMatch(/^HTTP\/1\.1 502 /);
});

test.each(['/101', '/bare-101'])('a switch of protocols that nobody asked for is a 502: %s', async (path) => {
  expect(await get(path)).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*"errorCode":502/);
  await until('nothing is in flight', () => ingress.ingress.status().inFlight === 0);
});

test('a switch to no protocol is a 502 to an upgrade', async () => {
  const fields = `Host: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(await sendRaw(ingress.port, `GET /bare-101 HTTP/1.1\r\n${fields}`)).toMatch(/^HTTP\/1\.1 502 /);
  await until('nothing is in flight', () => ingress.ingress.status().inFlight === 0);
});

test.each(['1.0', '1.1'])('an answer that is broken off does not look whole to an HTTP/%s caller', async (version) => {
  await expect(get('/half', version)).rejects.toThrow('ECONNRESET');
});

test('a refused upgrade that is broken off does not look whole', async () => {
  const fields = `Host: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  await expect(sendRaw(ingress.port, `GET /half HTTP/1.1\r\n${fields}`)).rejects.toThrow('ECONNRESET');
});

test('a caller gets a few hints of many', async () => {
  const text = await get('/some-hints');
  expect(text.match(/HTTP\/1\.1 103/g)).toHaveLength(10);
  expect(text).toMatch(/HTTP\/1\.1 200 OK[\s\S]*ok$/);
});

test.each(['/many-hints', '/many-100'])('an instance that only ever hints at an answer is broken: %s', async (path) => {
  expect(await get(path)).toMatch(/HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*"errorCode":502/);
  await until('nothing is in flight', () => ingress.ingress.status().inFlight === 0);
});

test('a flood of hints to an upgrade is a 502', async () => {
  const fields = `Host: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(await sendRaw(ingress.port, `GET /many-hints HTTP/1.1\r\n${fields}`)).toMatch(/^HTTP\/1\.1 502 /);
});

test('hints for a caller that does not read do not pile up here', async () => {
  const big = `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(16_000)}>; rel=preload\r\n\r\n`;
  // More than the buffers between the two could hold: an ingress that read on for ever would get all of them.
  const most = 2_000;
  let sent = 0;
  const flood = await startCrudeInstance('i2', (socket) => {
    const more = () => {
      while (sent < most) {
        sent += 1;
        if (!socket.write(big)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
  const other = await startIngress();
  try {
    await other.publish(routeTo(flood.target));
    const caller = connect(other.port, '127.0.0.1').pause();
    caller.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await until('the instance is given up', () => sent > 0 && flood.sockets.size === 0);
    caller.destroy();
    expect(sent).toBeLessThan(most);
    expect(other.ingress.status().inFlight).toBe(0);
  } finally {
    await other.ingress.stop(0);
    await flood.kill();
  }
});
