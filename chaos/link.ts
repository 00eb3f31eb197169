import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What a link does with what goes through it.
 *   PASS       nothing
 *   SLOW       each piece that is sent arrives 100 ms later, one after the other
 *   HELD       nothing arrives, in either direction; what was sent meanwhile arrives when the link passes again
 *   RESET      connections are reset, new ones too
 *   HALF_OPEN  what is sent arrives, and what is answered does not; connections are reset when the link passes again
 */
export type LinkMode = 'PASS' | 'SLOW' | 'HELD' | 'RESET' | 'HALF_OPEN';

const SLOW_MS = 100;

/** A unix socket in front of another one: the network between a process and what it depends on. */
export class Link {
  private mode: LinkMode = 'PASS';
  private readonly pairs = new Set<Pair>();
  private readonly server: Server;

  private constructor(
    readonly socketPath: string,
    private readonly target: string,
  ) {
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.accept(client));
  }

  static async open(socketPath: string, target: string): Promise<Link> {
    const link = new Link(socketPath, target);
    rmSync(socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      link.server.once('error', reject);
      link.server.listen(socketPath, resolve);
    });
    return link;
  }

  set(mode: LinkMode): void {
    const reset = mode === 'RESET' || this.mode === 'HALF_OPEN';
    this.mode = mode;
    for (const pair of this.pairs) {
      if (reset) pair.reset();
      else pair.apply(mode);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const pair of this.pairs) pair.reset();
    await closed;
  }

  private accept(client: Socket): void {
    const pair = new Pair(client, connect({ path: this.target, allowHalfOpen: true }), () => this.pairs.delete(pair));
    this.pairs.add(pair);
    if (this.mode === 'RESET') pair.reset();
    else pair.apply(this.mode);
  }
}

/** A connection and the one behind it. */
class Pair {
  private mode: LinkMode = 'PASS';
  private sent: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly over: () => void,
  ) {
    client.on('data', (piece: Buffer) => this.forward(() => void server.write(piece)));
    client.on('end', () => this.forward(() => void server.end()));
    server.on('data', (piece: Buffer) => void client.write(piece));
    server.on('end', () => void client.end());
    for (const socket of [client, server]) {
      socket.on('error', () => this.reset());
      socket.on('close', () => this.closed());
    }
  }

  apply(mode: LinkMode): void {
    this.mode = mode;
    if (mode === 'HELD') this.client.pause();
    else this.client.resume();
    if (mode === 'HELD' || mode === 'HALF_OPEN') this.server.pause();
    else this.server.resume();
  }

  reset(): void {
    this.client.destroy();
    this.server.destroy();
    this.over();
  }

  private forward(send: () => void): void {
    if (this.mode === 'SLOW') this.sent = this.sent.then(() => new Promise((resolve) => setTimeout(resolve, SLOW_MS)));
    this.sent = this.sent.then(send);
  }

  /** Whoever sent something and left has still sent it: the other side is closed when all has arrived. */
  private closed(): void {
    if (this.client.destroyed && this.server.destroyed) return this.over();
    if (this.server.destroyed) this.client.destroy();
    else if (this.client.destroyed && this.mode !== 'HELD') this.forward(() => void this.server.destroy());
  }
}
