import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { probeInstance } from '../../../src/worker/probe.js';
import { freePort } from '../../support/ports.js';

const listening: Server[] = [];

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  listening.push(server);
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  await Promise.all(listening.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

const http = (port: number, signal = new AbortController().signal) =>
  probeInstance({ address: '127.0.0.1', port, probe: { kind: 'HTTP', path: '/up' }, timeoutMs: 300 }, signal);
const tcp = (port: number, signal = new AbortController().signal) =>
  probeInstance({ address: '127.0.0.1', port, probe: { kind: 'TCP' }, timeoutMs: 300 }, signal);
/** A server that says `text` to whoever connects, and then nothing. */
const saying = (text: string) =>
  listen(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.write(text);
    }),
  );
const answering = (listener: RequestListener) => listen(createServer(listener));

describe('a probe', () => {
  test.each([200, 204, 302, 404])('by HTTP is content with %i', async (status) => {
    const port = await answering((_, response) => response.writeHead(status).end());
    expect(await http(port)).toBeNull();
  });

  test.each([500, 503])('by HTTP is not with %i', async (status) => {
    const port = await answering((_, response) => response.writeHead(status).end());
    expect(await http(port)).toBe(`GET /up answered ${status}`);
  });

  test('by HTTP says that nobody listens, or that no answer came in time', async () => {
    expect(await http(await freePort())).toContain('ECONNREFUSED');
    const silent = await answering(() => {});
    expect(await http(silent)).toContain('no answer within 300 ms');
  });

  test('by HTTP does not wait for the end of a body', async () => {
    const port = await answering((_, response) => response.writeHead(200).write('for ever'));
    expect(await http(port)).toBeNull();
  });

  test.each([
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['101 and nothing else', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ])('by HTTP is not content with %s', async (_, text) => {
    expect(await http(await saying(text))).toBe('GET /up answered 101');
  });

  test('by HTTP ends when only early hints, or no HTTP at all, are answered', async () => {
    expect(await http(await saying('HTTP/1.1 103 Early Hints\r\n\r\n'))).toBe('GET /up: no answer within 300 ms');
    expect(await http(await saying('SSH-2.0-x\r\n'))).toContain('GET /up: ');
  });

  test('by HTTP says that the connection was closed without an answer', async () => {
    expect(await http(await listen(createTcpServer((socket) => socket.resume().end())))).toContain('GET /up: ');
  });

  test('ends at once where its signal ended before', async () => {
    const port = await answering((_, response) => response.end());
    expect(await http(port, AbortSignal.abort())).toBe('the lease ended');
    expect(await tcp(port, AbortSignal.abort())).toBe('the lease ended');
  });

  test('ends with its signal', async () => {
    const port = await answering(() => {});
    const abort = new AbortController();
    const asked = http(port, abort.signal);
    abort.abort();
    expect(await asked).not.toBeNull();
  });

  test('by TCP wants a connection that stays open, as port proxies accept and close with nobody behind them', async () => {
    const open = await listen(createTcpServer((socket) => socket.resume().on('error', () => {})));
    expect(await tcp(open)).toBeNull();
    const closing = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await tcp(closing)).not.toBeNull();
    expect(await tcp(await freePort())).toContain('ECONNREFUSED');
  });
});
