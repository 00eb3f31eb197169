import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { CONTAINER, DOMAIN, HOST, routeTo, sendRaw, startIngress } from '../../support/ingress.js';
import { startInstance } from '../../support/instance.js';
import { until } from '../../support/until.js';

async function startSockets() {
  const instance = await startInstance('r1');
  const sockets = new WebSocketServer({ server: instance.server });
  sockets.on('connection', (socket, request) => {
    socket.send(JSON.stringify(request.headers));
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  return { instance, sockets };
}

function open(port: number): { socket: WebSocket; messages: Buffer[] } {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { host: HOST } });
  const messages: Buffer[] = [];
  socket.on('message', (data) => messages.push(data as Buffer));
  socket.on('error', () => undefined);
  return { socket, messages };
}

test('a WebSocket carries messages both ways, and its end is the end on the other side', async () => {
  const { instance, sockets } = await startSockets();
  const { ingress, port, publish, done } = await startIngress();
  await publish(routeTo(instance.target));
  const { socket, messages } = open(port);
  await until('it greets', () => messages.length === 1);
  expect(JSON.parse(String(messages[0]))).toMatchObject({
    'x-forwarded-host': HOST,
    'x-request-id': expect.any(String),
  });
  const big = Buffer.alloc(3 * 1024 * 1024, 'x');
  socket.send(big);
  await until('the echo comes', () => messages.length === 2);
  expect(messages[1]?.equals(big)).toBe(true);
  expect(ingress.status().inFlight).toBe(1);
  socket.close();
  await until('the instance has seen it', () => sockets.clients.size === 0 && ingress.status().inFlight === 0);
  expect(done.at(-1)).toMatchObject({ containerId: CONTAINER, status: 101 });
  await ingress.stop(0);
  await instance.kill();
});

test('a WebSocket keeps its instance busy after a switch, and dies with it', async () => {
  const { instance } = await startSockets();
  const next = await startInstance('r2');
  const { ingress, port, publish, routes } = await startIngress();
  await publish(routeTo(instance.target));
  const { socket, messages } = open(port);
  await until('it greets', () => messages.length === 1);
  await publish(routeTo(next.target));
  expect(ingress.status().busyInstances).toEqual(['r1']);
  socket.send('still here');
  await until('the echo comes', () => messages.length === 2);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await instance.kill();
  await closed;
  await until('it is reported at once', () => {
    const last = routes.reports.at(-1);
    return last?.report.busyInstances.length === 0;
  });
  expect(routes.reports.some(({ wake }) => wake.includes(CONTAINER))).toBe(true);
  await ingress.stop(0);
  await next.kill();
});

test('a WebSocket is held while a revision is replaced', async () => {
  const { instance } = await startSockets();
  const { ingress, port, publish } = await startIngress();
  await publish({ state: 'HELD', targets: [] });
  const { messages } = open(port);
  await until('it is held', () => ingress.status().inFlight === 0);
  await publish(routeTo(instance.target));
  await until('it greets', () => messages.length === 1);
  expect(messages).toHaveLength(1);
  await ingress.stop(0);
  await instance.kill();
});

test('an upgrade that is refused has the answer of the instance, or ours', async () => {
  const instance = await startInstance('r1', (_request, response) => {
    response.writeHead(426, { 'x-why': 'not here' }).end('no');
    return true;
  });
  const { ingress, port, publish } = await startIngress();
  await publish(routeTo(instance.target));
  const ask = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  const refused = await sendRaw(port, ask);
  expect(refused).toMatch(/^HTTP\/1\.1 426 /);
  expect(refused.toLowerCase()).toContain('x-why: not here');
  await instance.kill();
  expect(await sendRaw(port, ask)).toMatch(/^HTTP\/1\.1 502 [\s\S]*"errorCode":502/);
  expect(await sendRaw(port, ask.replace(CONTAINER, 'nobody'))).toMatch(/^HTTP\/1\.1 404 [\s\S]*"errorCode":404/);
  expect(ingress.status().inFlight).toBe(0);
  await ingress.stop(0);
});

test('an upgrade that is refused at length is refused in full', async () => {
  const body = 'x'.repeat(8 * 1024 * 1024);
  const instance = await startInstance('r1', (_request, response) => {
    response.writeHead(426).end(body);
    return true;
  });
  const { ingress, port, publish } = await startIngress();
  await publish(routeTo(instance.target));
  const fields = `Host: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect((await sendRaw(port, `GET / HTTP/1.1\r\n${fields}`)).length).toBeGreaterThan(body.length);
  await ingress.stop(0);
  await instance.kill();
});

test('no answer to an upgrade within the deadline is a 504', async () => {
  const instance = await startInstance('r1', () => true);
  const { ingress, port, publish } = await startIngress();
  await publish({ ...routeTo(instance.target), executionTimeoutMs: 50 });
  const ask = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(await sendRaw(port, ask)).toMatch(/^HTTP\/1\.1 504 /);
  await until('the instance is let go', () => ingress.status().inFlight === 0);
  expect(instance.requests).toEqual(['GET /']);
  await ingress.stop(0);
  await instance.kill();
});

test('an offer of h2c is an ordinary request, with its body, and so is the next one', async () => {
  const instance = await startInstance('r1');
  const { ingress, port, publish } = await startIngress();
  await publish(routeTo(instance.target));
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
  const text = await sendRaw(
    port,
    `POST /echo HTTP/1.1\r\nHost: ${HOST}\r\n${offer}Content-Length: 5\r\n\r\nhello` +
      `GET /headers HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
  );
  expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  expect(text).toContain('hello');
  expect(instance.requests).toEqual(['POST /echo', 'GET /headers']);
  await ingress.stop(0);
  await instance.kill();
});

test('an upgrade that is under way when the ingress stops ends at the deadline', async () => {
  const { instance } = await startSockets();
  const { ingress, port, publish, routes } = await startIngress();
  expect((ingress.address() as AddressInfo).port).toBe(port);
  await publish(routeTo(instance.target));
  const { socket, messages } = open(port);
  await until('it greets', () => messages.length === 1);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await ingress.stop(50);
  await closed;
  expect(routes.left).toHaveLength(1);
  expect(DOMAIN).toBe('containers.localhost');
  await instance.kill();
});
