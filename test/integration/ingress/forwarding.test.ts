import { createHash } from 'node:crypto';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ask, HOST, routeTo, sendRaw, startIngress, type TestIngress } from '../../support/ingress.js';
import { startInstance, type TestInstance } from '../../support/instance.js';
import { until } from '../../support/until.js';

let ingress: TestIngress;
let instance: TestInstance;
const held: ClientRequest[] = [];

beforeAll(async () => {
  instance = await startInstance('i1', (request, response) => {
    switch (request.url) {
      case '/early-hints':
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.end('late');
        return true;
      case '/trailers':
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        request.resume().on('end', () => {
          response.addTrailers({ 'x-sum': request.trailers['x-sum'] ?? 'none' });
          response.end();
        });
        return true;
      case '/hop':
        response.writeHead(200, { connection: 'x-private, keep-alive', 'x-private': '1', 'x-public': '2' });
        response.end();
        return true;
      case '/forbidden':
        response.writeHead(403, { connection: 'close' }).end('no');
        return true;
      case '/reset':
        response.writeHead(200, { 'content-length': 100 });
        response.write('half');
        setImmediate(() => request.socket.destroy());
        return true;
      case '/drop':
        request.socket.destroy();
        return true;
      case '/length':
        response.writeHead(200, { 'content-length': 42 });
        response.end(request.method === 'HEAD' ? undefined : 'x'.repeat(42));
        return true;
      case '/never':
        return true;
      default:
        return false;
    }
  });
  ingress = await startIngress();
  await ingress.publish(routeTo(instance.target));
});

afterAll(async () => {
  for (const request of held) request.destroy();
  await ingress.ingress.stop(1000);
  await instance.kill();
});

test('status, header fields and body come back', async () => {
  const answer = await ask(ingress.port, '/');
  expect(answer).toMatchObject({ status: 200, body: 'i1' });
  expect(answer.headers['x-revision']).toBe('i1');
});

test('HEAD has a header and no body', async () => {
  const answer = await ask(ingress.port, '/length', { method: 'HEAD' });
  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(answer.headers['content-length']).toBe('42');
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])('a %s body of 1 MiB goes there and back', async (method) => {
  const body = Buffer.alloc(1024 * 1024, 'abc');
  const answer = await ask(ingress.port, '/echo', { method, headers: { 'content-length': body.length } }, body);
  expect(answer.status).toBe(200);
  expect(answer.body).toBe(body.toString());
});

test('a body without a length goes there and back', async () => {
  const answer = await ask(
    ingress.port,
    '/echo',
    { method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
    'hello',
  );
  expect(answer.body).toBe('hello');
});

test('a POST without a body has length 0 at the instance', async () => {
  const text = await sendRaw(ingress.port, `POST /headers HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  expect(text).toContain('"content-length":"0"');
});

test('128 MiB both ways do not pile up here', async () => {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const count = 2048;
  const sent = createHash('sha256');
  const received = createHash('sha256');
  function* body() {
    for (let index = 0; index < count; index += 1) {
      sent.update(chunk);
      yield chunk;
    }
  }
  const before = process.memoryUsage().rss;
  let peak = before;
  const request = httpRequest({
    host: '127.0.0.1',
    port: ingress.port,
    path: '/echo',
    method: 'POST',
    headers: { host: HOST },
  });
  const finished = new Promise<void>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      response.on('data', (data: Buffer) => {
        received.update(data);
        peak = Math.max(peak, process.memoryUsage.rss());
      });
      response.on('end', resolve);
    });
  });
  await pipeline(Readable.from(body()), request);
  await finished;
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  expect(peak - before).toBeLessThan(100 * 1024 * 1024);
});

test('a caller that does not read stops the instance from writing', async () => {
  let written = 0;
  const slow = await startInstance('flood', (_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
      written += 64 * 1024;
    };
    response.on('drain', more);
    more();
    return true;
  });
  const other = await startIngress();
  await other.publish(routeTo(slow.target));
  const request = httpRequest({ host: '127.0.0.1', port: other.port, headers: { host: HOST }, agent: false }).end();
  request.on('error', () => undefined);
  const response = await new Promise<NodeJS.ReadableStream>((resolve) => request.once('response', resolve));
  response.on('error', () => undefined);
  response.pause();
  let last = -1;
  await until('the instance stops writing', async () => {
    const still = written === last;
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return still && written === last;
  });
  expect(written).toBeLessThan(64 * 1024 * 1024);
  request.destroy();
  await other.ingress.stop(0);
  await slow.kill();
});

test('Server-Sent Events come as they are sent', async () => {
  const seen: string[] = [];
  const options = { host: '127.0.0.1', port: ingress.port, path: '/stream?seconds=60', headers: { host: HOST } };
  const request = httpRequest(options, (response) => {
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
  });
  request.on('error', () => undefined);
  request.end();
  await until('several have come, long before the last one is sent', () => seen.length > 2);
  expect(seen.join('')).not.toContain('end\n');
  request.destroy();
});

test('trailers pass both ways', async () => {
  const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
    const headers = { host: HOST, te: 'trailers', trailer: 'x-sum', 'transfer-encoding': 'chunked' };
    const options = { host: '127.0.0.1', port: ingress.port, path: '/trailers', method: 'POST', headers };
    const request = httpRequest(options, (response) => {
      response.resume().on('end', () => resolve(response.trailers));
    });
    request.on('error', reject);
    request.write('x');
    request.addTrailers({ 'x-sum': '42' });
    request.end();
  });
  expect(trailers['x-sum']).toBe('42');
});

test('103 is passed on before the answer', async () => {
  const info = await new Promise<{ statusCode: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: ingress.port, path: '/early-hints', headers: { host: HOST } };
    httpRequest(options).on('information', resolve).on('error', reject).end();
  });
  expect(info).toMatchObject({ statusCode: 103, headers: { link: '</style.css>; rel=preload' } });
});

test('Expect: 100-continue is answered by the instance, and then the body is sent', async () => {
  const body = await new Promise<string>((resolve, reject) => {
    const headers = { host: HOST, expect: '100-continue', 'content-length': 5 };
    const options = { host: '127.0.0.1', port: ingress.port, path: '/echo', method: 'POST', headers };
    const request = httpRequest(options, (response) => {
      response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
    });
    request.on('error', reject);
    request.on('continue', () => request.end('hello'));
    request.flushHeaders();
  });
  expect(body).toBe('hello');
});

test('hop-by-hop fields end here, in both directions', async () => {
  const headers = { connection: 'x-secret', 'x-secret': '1', 'proxy-authorization': 'x', 'x-kept': '2' };
  const there = JSON.parse((await ask(ingress.port, '/headers', { headers })).body) as Record<string, string>;
  expect(there).not.toHaveProperty('x-secret');
  expect(there).not.toHaveProperty('proxy-authorization');
  expect(there['x-kept']).toBe('2');
  const back = await ask(ingress.port, '/hop');
  expect(back.headers).not.toHaveProperty('x-private');
  expect(back.headers['x-public']).toBe('2');
});

test('the caller is told to the instance, and what the caller says of itself is not believed', async () => {
  const headers = {
    'x-forwarded-for': '1.2.3.4',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil',
    'x-forwarded-port': '1',
    'x-real-ip': '1.2.3.4',
    forwarded: 'for=1.2.3.4',
  };
  const there = JSON.parse((await ask(ingress.port, '/headers', { headers })).body) as Record<string, string>;
  expect(there).toMatchObject({
    host: HOST,
    'x-forwarded-for': '1.2.3.4, 127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': HOST,
  });
  for (const name of ['x-forwarded-port', 'x-real-ip', 'forwarded']) expect(there).not.toHaveProperty(name);
});

test('X-Request-Id goes in and out, and is made where it is missing or unfit', async () => {
  const given = await ask(ingress.port, '/headers', { headers: { 'x-request-id': 'abc-1' } });
  expect(given.headers['x-request-id']).toBe('abc-1');
  expect(JSON.parse(given.body)).toMatchObject({ 'x-request-id': 'abc-1' });
  const made = await ask(ingress.port, '/headers', { headers: { 'x-request-id': 'a'.repeat(500) } });
  expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(JSON.parse(made.body)).toMatchObject({ 'x-request-id': made.headers['x-request-id'] });
  const refused = await ask(ingress.port, '/', { headers: { host: 'nobody', 'x-request-id': 'abc-2' } });
  expect(refused.headers['x-request-id']).toBe('abc-2');
});

test('an answer that comes before the body is read is the answer', async () => {
  const body = Buffer.alloc(64 * 1024, 'x');
  const answer = await ask(
    ingress.port,
    '/forbidden',
    { method: 'POST', headers: { 'content-length': body.length } },
    body,
  );
  expect(answer).toMatchObject({ status: 403, body: 'no' });
});

test('a caller gets its next answer on the same connection', async () => {
  const one = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  const last = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;
  const text = await sendRaw(ingress.port, one + one + last);
  expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
});

test('connections to the instance are used again', async () => {
  const agents = instance.sockets.size;
  for (let count = 0; count < 10; count += 1) await ask(ingress.port, '/');
  expect(instance.sockets.size).toBeLessThanOrEqual(agents + 1);
});

test('an instance that ends a body halfway leaves the caller with a broken answer, not a whole one', async () => {
  await expect(ask(ingress.port, '/reset')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
});

test('a request that reached the instance is not sent again when the connection drops', async () => {
  const before = instance.requests.length;
  const answer = await ask(ingress.port, '/drop');
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toEqual({
    errorCode: 502,
    errorMessage: expect.any(String),
    errorType: 'ServerError',
  });
  expect(instance.requests.slice(before)).toEqual(['GET /drop']);
});

test('a connection that is accepted with nobody behind it is a 502', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const other = await startIngress();
  await other.publish(routeTo({ instanceId: 'nobody', address: '127.0.0.1', port }));
  expect((await ask(other.port, '/')).status).toBe(502);
  expect(connections).toBe(1);
  await other.ingress.stop(0);
  server.close();
});

/** Nobody listens on port 1, and nobody else of this run can be given it. */
const DEAD = { instanceId: 'dead', address: '127.0.0.1', port: 1 };

test('an instance that refuses the connection is passed over, its request body whole', async () => {
  const other = await startIngress();
  await other.publish(routeTo(DEAD, instance.target));
  const answer = await ask(other.port, '/echo', { method: 'POST', headers: { 'content-length': 5 } }, 'hello');
  expect(answer).toMatchObject({ status: 200, body: 'hello' });
  await other.publish(routeTo(DEAD));
  expect((await ask(other.port, '/echo', { method: 'POST' }, 'hello')).status).toBe(502);
  await other.ingress.stop(0);
});

test('an instance that refuses connections is told of once, not for every request', async () => {
  const other = await startIngress();
  await other.publish(routeTo(DEAD, instance.target));
  for (let count = 0; count < 20; count += 1) expect((await ask(other.port)).status).toBe(200);
  expect(other.warnings).toEqual(['no connection to an instance']);
  await other.ingress.stop(0);
});

test('no header within the execution timeout is a 504, and the instance is let go', async () => {
  const other = await startIngress();
  await other.publish({ ...routeTo(instance.target), executionTimeoutMs: 100 });
  const answer = await ask(other.port, '/never');
  expect(answer.status).toBe(504);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(JSON.parse(answer.body)).toEqual({
    errorCode: 504,
    errorMessage: 'the container did not answer within 0.1 s',
    errorType: 'ServerError',
  });
  await until('nothing is in flight', () => other.ingress.status().inFlight === 0);
  const stream = await ask(other.port, '/stream?seconds=0.4');
  expect(stream.body.endsWith('end\n')).toBe(true);
  await other.ingress.stop(0);
});

test('a stream that falls silent is broken off', async () => {
  const silent = await startInstance('silent', (_request, response) => {
    response.write('one');
    return true;
  });
  const other = await startIngress({ streamIdleMs: 100 });
  await other.publish(routeTo(silent.target));
  await expect(ask(other.port, '/')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  await until('nothing is in flight', () => other.ingress.status().inFlight === 0);
  await other.ingress.stop(0);
  await silent.kill();
});

test('silence before the header does not end a request, and silence after it still does', async () => {
  const late = await startInstance('late', (_request, response) => {
    setTimeout(() => response.write('one'), 400);
    return true;
  });
  const other = await startIngress({ streamIdleMs: 100 });
  await other.publish(routeTo(late.target));
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: other.port, headers: { host: HOST }, agent: false as const };
    httpRequest(options, resolve).on('error', reject).end();
  });
  await expect(
    new Promise((_resolve, reject) => {
      response.on('error', reject);
      response.resume();
    }),
  ).rejects.toThrow('aborted');
  await other.ingress.stop(0);
  await late.kill();
});

test('a caller that leaves ends its request at the instance', async () => {
  const before = instance.sockets.size;
  const request = httpRequest({
    host: '127.0.0.1',
    port: ingress.port,
    path: '/never',
    headers: { host: HOST },
    agent: false,
  });
  request.on('error', () => undefined);
  request.end();
  const inFlight = () => ingress.ingress.status().inFlight;
  await until('it is in flight', () => inFlight() === 1 && instance.requests.at(-1) === 'GET /never');
  request.destroy();
  await until('it is gone', () => inFlight() === 0 && instance.sockets.size <= before);
  expect(ingress.done.at(-1)?.status).toBe(499);
});

test('an instance that closes resting connections costs no request', async () => {
  const hasty = await startInstance('hasty');
  hasty.server.keepAliveTimeout = 1;
  const other = await startIngress();
  await other.publish(routeTo(hasty.target));
  const statuses = new Set<number>();
  for (let count = 0; count < 200; count += 1) {
    statuses.add((await ask(other.port, '/', { method: 'POST' }, 'x')).status);
    if (count % 20 === 0) for (const socket of hasty.sockets) socket.end();
  }
  expect([...statuses]).toEqual([200]);
  await other.ingress.stop(0);
  await hasty.kill();
});
