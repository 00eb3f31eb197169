import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RouteTarget } from '../../src/domain/route.js';

/** What a container's process is to the ingress: an HTTP server, here in this process. */
export interface TestInstance {
  readonly target: RouteTarget;
  readonly server: Server;
  /** Method and path of every request that arrived, in order. */
  readonly requests: string[];
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
  /** Ends at once, as SIGKILL does. */
  kill(): Promise<void>;
}

/**
 * Answers `/` with its id, `/echo` with the body, `/stream?seconds=1` with lines until "end", `/headers` with the header fields
 * that came. `handle` comes first and says whether it took the request.
 */
export async function startInstance(
  instanceId: string,
  handle: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<TestInstance> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.setHeader('x-revision', instanceId);
    if (!handle(request, response)) answer(instanceId)(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: { instanceId, address: '127.0.0.1', port },
    server,
    requests,
    sockets,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const answer =
  (instanceId: string): RequestListener =>
  (request, response) => {
    const url = new URL(request.url ?? '/', 'http://instance');
    if (url.pathname === '/echo') request.pipe(response);
    else if (url.pathname === '/headers') response.end(JSON.stringify(request.headers));
    else if (url.pathname === '/stream') stream(response, Number(url.searchParams.get('seconds')));
    else response.end(instanceId);
  };

function stream(response: ServerResponse, seconds: number): void {
  const end = performance.now() + seconds * 1000;
  const timer = setInterval(() => {
    if (performance.now() < end) return void response.write('line\n');
    clearInterval(timer);
    response.end('end\n');
  }, 50);
  response.on('close', () => clearInterval(timer));
}
