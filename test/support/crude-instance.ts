import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { RouteTarget } from '../../src/domain/route.js';

export interface CrudeInstance {
  readonly target: RouteTarget;
  readonly sockets: ReadonlySet<Socket>;
  kill(): Promise<void>;
}

/** An instance that answers with whatever bytes it likes: `speak` is called with whatever a connection sends. */
export async function startCrudeInstance(
  instanceId: string,
  speak: (socket: Socket, request: string) => void,
): Promise<CrudeInstance> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => speak(socket, bytes.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: { instanceId, address: '127.0.0.1', port },
    sockets,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
