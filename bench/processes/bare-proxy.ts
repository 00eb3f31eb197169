import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createPipe, type Socket } from 'node:net';

/*
 * The least that Node can do between a caller and an upstream: bare-proxy.ts copy PORT, a server of node:http that writes a line for
 * each request to a kept socket and gives back what comes, without a look at it; bare-proxy.ts pipe PORT, two sockets joined.
 */

const [kind, upstream] = process.argv.slice(2);
const target = { port: Number(upstream), host: '127.0.0.1', noDelay: true };

interface Kept {
  readonly socket: Socket;
  response: ServerResponse | null;
}

/** Its answers are small, of one packet each. */
function copying() {
  const free: Kept[] = [];
  function open(): Kept {
    const kept: Kept = { socket: connect(target), response: null };
    kept.socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      kept.response?.writeHead(200, ['Content-Length', String(body.length)]).end(body, 'latin1');
      free.push(kept);
    });
    return kept;
  }
  return createServer((request, response) => {
    const kept = free.pop() ?? open();
    kept.response = response;
    kept.socket.write(`GET ${request.url} HTTP/1.1\r\nHost: ${request.headers.host}\r\n\r\n`, 'latin1');
  });
}

function piping() {
  return createPipe({ noDelay: true, allowHalfOpen: true }, (caller) => {
    const socket = connect({ ...target, allowHalfOpen: true });
    caller.pipe(socket).pipe(caller);
    for (const [one, other] of [
      [caller, socket],
      [socket, caller],
    ] as const) {
      one.on('error', () => other.destroy());
    }
  });
}

const server = kind === 'copy' ? copying() : piping();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
