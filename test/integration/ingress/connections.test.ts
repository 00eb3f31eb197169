import type { Socket } from 'node:net';
import { startCrudeInstance } from '../../support/crude-instance.js';
import { ask, routeTo, startIngress } from '../../support/ingress.js';
import { startInstance } from '../../support/instance.js';
import { until } from '../../support/until.js';

/** Longer than any of these tests: what ends sooner was ended for another reason. */
const LONG_MS = 600_000;

const answer = (fields = '', body = 'ok') =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

test('the connection that rested last is used first, and those that are not needed come to their end', async () => {
  const users: (Socket | undefined)[] = [];
  const waiting: (() => void)[] = [];
  const instance = await startInstance('i1', (request, response) => {
    users.push(request.socket);
    if (request.url === '/together') waiting.push(() => response.end());
    if (waiting.length === 5) for (const go of waiting.splice(0)) go();
    return request.url === '/together';
  });
  const { ingress, port, publish } = await startIngress({ restMs: 1_000 });
  await publish(routeTo(instance.target));
  await Promise.all(Array.from({ length: 5 }, () => ask(port, '/together')));
  expect(instance.sockets.size).toBe(5);
  users.length = 0;
  await until('only one is left', async () => {
    await ask(port, '/');
    return instance.sockets.size === 1;
  });
  expect(new Set(users).size).toBe(1);
  await ingress.stop(0);
  await instance.kill();
});

test('a connection is left before the instance closes it, if it says when it will', async () => {
  const instance = await startCrudeInstance('i1', (socket) => socket.write(answer('Keep-Alive: timeout=1\r\n')));
  const { ingress, port, publish } = await startIngress({ restMs: LONG_MS, streamIdleMs: 100 });
  await publish(routeTo(instance.target));
  expect((await ask(port)).body).toBe('ok');
  await until('the ingress has left it', () => instance.sockets.size === 0);
  expect((await ask(port)).body).toBe('ok');
  await ingress.stop(0);
  await instance.kill();
});

test.each([
  ['says that it closes', answer('Connection: close\r\n')],
  ['says that it keeps it for no time', answer('Keep-Alive: timeout=0\r\n')],
  ['sends more than its answer', `${answer()}HTTP/1.1 200 OK\r\n`],
  ['speaks HTTP/1.0', answer().replace('1.1', '1.0')],
])('a connection is not used again where the instance %s', async (_name, bytes) => {
  let connections = 0;
  const seen = new Set<Socket>();
  const instance = await startCrudeInstance('i1', (socket) => {
    if (!seen.has(socket)) connections += 1;
    seen.add(socket);
    socket.write(bytes);
  });
  const { ingress, port, publish } = await startIngress({ restMs: LONG_MS });
  await publish(routeTo(instance.target));
  for (let count = 0; count < 3; count += 1) expect((await ask(port)).body).toBe('ok');
  expect(connections).toBe(3);
  await ingress.stop(0);
  await instance.kill();
});

test('an instance that speaks unasked costs no request', async () => {
  const instance = await startCrudeInstance('i1', (socket) => socket.write(answer()));
  const { ingress, port, publish } = await startIngress({ restMs: LONG_MS });
  await publish(routeTo(instance.target));
  expect((await ask(port)).body).toBe('ok');
  for (const socket of instance.sockets) socket.write(answer('', 'not asked for'));
  await until('its connection is closed', () => instance.sockets.size === 0);
  expect((await ask(port)).body).toBe('ok');
  await ingress.stop(0);
  await instance.kill();
});

test('a connection is not used again while a request that was answered early is still being sent on it', async () => {
  const instance = await startCrudeInstance('i1', (socket, request) => {
    if (/^(GET|POST) /.test(request)) socket.write(answer());
  });
  const { ingress, port, publish } = await startIngress({ restMs: LONG_MS, lingerMs: 100 });
  await publish(routeTo(instance.target));
  const headers = { 'content-length': '1000', connection: 'close' };
  const early = await ask(port, '/', { method: 'POST', headers }, 'half').catch((error: unknown) => error);
  expect(early).toBeDefined();
  expect((await ask(port)).body).toBe('ok');
  await until('the connection of the request that was never whole is closed', () => instance.sockets.size === 1);
  expect(ingress.status().inFlight).toBe(0);
  await ingress.stop(0);
  await instance.kill();
});

test('what does not parse as an answer is a 502, and is told of', async () => {
  const instance = await startCrudeInstance('i1', (socket) => socket.write('HTTP/1.1 200 OK\r\nno field\r\n\r\n'));
  const { ingress, port, publish, warnings } = await startIngress();
  await publish(routeTo(instance.target));
  expect((await ask(port)).status).toBe(502);
  expect(warnings).toEqual(['a request failed']);
  await until('its connection is closed', () => instance.sockets.size === 0);
  await ingress.stop(0);
  await instance.kill();
});
