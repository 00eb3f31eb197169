import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * An upstream that does as little as node:http lets it: `GET /` has a small answer; `GET /bytes?count=N` so many bytes; `POST /count`
 * reads the body and answers with its length.
 */

const CHUNK = Buffer.alloc(64 * 1024, 'longshore ');

function send(response: ServerResponse, count: number): void {
  let left = count;
  response.writeHead(200, { 'content-length': count });
  const more = () => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!response.write(chunk)) return;
    }
    response.end();
  };
  response.on('drain', more);
  more();
}

function count(request: IncomingMessage, response: ServerResponse): void {
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  request.on('end', () => response.end(String(length)));
}

const server = createServer((request, response) => {
  const [path, query] = (request.url ?? '/').split('?');
  if (path === '/bytes') send(response, Number(new URLSearchParams(query).get('count')));
  else if (path === '/count') count(request, response);
  else response.writeHead(200, { 'content-type': 'application/json', 'content-length': 3 }).end('{}\n');
});
server.keepAliveTimeout = 65_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
