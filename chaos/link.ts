import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What a link does with what goes through it.
 *   PASS       nothing
 *   SLOW       each piece that is sent arrives 100 ms later, one after the other
 *   HELD       nothing arrives, in either direction; what was sent meanwhile arrives when the link passes again
 *   RESET      connections are reset, new ones too
 *   STARTS     what asks an engine to start a container does not arrive, nor anything after it on the same connection, before the link passes
 *   HALF_OPEN  what is sent arrives, and what is answered does not; connections are reset when the link passes again
 */
export type LinkMode = 'PASS' | 'SLOW' | 'HELD' | 'RESET' | 'STARTS' | 'HALF_OPEN';

const SLOW_MS = 100;
/** One request at a time is on a connection, so that each begins a piece. */
const START = /^POST \S+\/start[ ?]/;

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

  /** Whether something waits that asks for a start. */
  get holdsStart(): boolean {
    return [...this.pairs].some((pair) => pair.holdsStart);
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
  holdsStart = false;
  private mode: LinkMode = 'PASS';
  private sent: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly over: () => void,
  ) {
    client.on('data', (piece: Buffer) => this.take(piece));
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
    if (mode === 'PASS') this.holdsStart = false;
    if (mode === 'HELD' || this.holdsStart) this.client.pause();
    else this.client.resume();
    if (mode === 'HELD' || mode === 'HALF_OPEN') this.server.pause();
    else this.server.resume();
  }

  reset(): void {
    this.client.destroy();
    this.server.destroy();
    this.over();
  }

  private take(piece: Buffer): void {
    if (this.mode !== 'STARTS' || !START.test(piece.toString('latin1', 0, 200)))
      return this.forward(() => void this.server.write(piece));
    this.holdsStart = true;
    this.client.pause();
    // While something is left to be read, the end of the connection is not told: it comes after it.
    this.client.unshift(piece);
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
