import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A listener with the connections that it has accepted, whatever state they are in. */
export interface Connections {
  /** The port that is bound. */
  readonly port: number;
  /** Accepts no more. Those that are there stay. */
  refuse(): void;
  /** Ends all that are there, at once, whether their other ends read, answer or are gone. */
  destroy(): void;
}

/** Gives each connection to `take`. Rejects if the address cannot be had; port 0 takes a free one. */
export function listen(
  { address, port }: { readonly address: string; readonly port: number },
  take: (socket: Socket) => void,
): Promise<Connections> {
  const open = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    take(socket);
  });
  return new Promise((resolve, reject) => {
    // It stays: one that cannot be accepted later, for want of a file descriptor, is lost, and does not end the process.
    listener.on('error', reject);
    listener.listen(port, address, () =>
      resolve({
        port: portOf(listener.address()) ?? port,
        refuse: () => void listener.close(),
        destroy: () => {
          for (const socket of open) socket.destroy();
        },
      }),
    );
  });
}

const portOf = (address: AddressInfo | string | null): number | null =>
  address !== null && typeof address === 'object' ? address.port : null;
