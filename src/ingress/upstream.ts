import { type ClientRequest, request as httpRequest } from 'node:http';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { RouteTarget } from '../domain/route.js';
import {
  Connection,
  type ConnectionOptions,
  createSharedMemory,
  type Exchange,
  type ExchangeListener,
  type Home,
  type UpstreamRequest,
} from './connection.js';

export interface UpstreamOptions extends Omit<ConnectionOptions, 'shared'> {
  /**
   * How long a connection may rest between two requests. Shorter than what servers allow (gunicorn 2 s, Node 5 s), so that it is
   * we who close it: a server that closes while our next request is on its way would cost that request.
   */
  readonly restMs: number;
  /** Silence within an answer after which its connection is broken. */
  readonly streamIdleMs: number;
  /** Monotonic, in milliseconds. */
  now(): number;
}

/** A request for an upgrade, for Node's client. */
export interface LoneRequest {
  readonly method: string;
  readonly path: string;
  /** Flat list of names and values. */
  readonly headers: string[];
}

/**
 * Connections to instances, one pool for each. Nothing here ever sends a request a second time, and a caller may only do so if
 * its exchange's `mayHaveSent` is false.
 */
export interface Upstreams {
  /** Whether a rested connection is there: let one turn of the event loop pass before using it, so that its end is seen if it came. */
  hasRested(instanceId: string): boolean;
  send(containerId: string, target: RouteTarget, request: UpstreamRequest, listener: ExchangeListener): Exchange;
  /** On a connection of its own that is never used again. */
  requestAlone(target: RouteTarget, request: LoneRequest): ClientRequest;
  /** Closes resting connections to instances for which `keep` is false, and the busy ones as soon as they are done. */
  retain(keep: (containerId: string, instanceId: string) => boolean): void;
  close(): void;
}

const opened = new WeakSet<object>();

/** False only if the connection was never established, which proves that not a byte of the request has left. */
export function mayHaveSent(request: ClientRequest): boolean {
  return request.socket !== null && request.socket !== undefined && opened.has(request.socket);
}

function open(options: TcpNetConnectOpts, timeoutMs: number): Socket {
  const socket = connect(options);
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  socket.once('connect', () => {
    clearTimeout(timer);
    opened.add(socket);
  });
  socket.once('close', () => clearTimeout(timer));
  return socket;
}

const MAX_RESTING = 1024;
/** Of how long a server says that it keeps a resting connection, the share in which it is used again: what is sent must get there. */
const TRUSTED_SHARE = 0.5;

/**
 * The connections to one instance. The one that rested last is used first: it is the least likely to have been closed meanwhile,
 * and those that are not needed any more come to their end.
 */
class Pool implements Home {
  readonly containerId: string;
  readonly target: RouteTarget;
  readonly #options: UpstreamOptions & ConnectionOptions;
  readonly #all = new Set<Connection>();
  readonly #resting: Connection[] = [];
  #left = false;
  /** As of the last sweep: what was active since seems to have rested for longer than it did, and is left earlier. */
  clock: number;

  constructor(containerId: string, target: RouteTarget, options: UpstreamOptions & ConnectionOptions) {
    this.containerId = containerId;
    this.target = target;
    this.#options = options;
    this.clock = options.now();
  }

  get size(): number {
    return this.#all.size;
  }

  get hasRested(): boolean {
    return this.#resting.length > 0;
  }

  leadsTo({ address, port }: RouteTarget): boolean {
    return this.target.address === address && this.target.port === port;
  }

  take(): Connection {
    const now = this.#options.now();
    for (let last = this.#resting.pop(); last !== undefined; last = this.#resting.pop()) {
      if (now - last.activeAt < this.#restMs(last)) return last;
      last.destroy(new Error('it rested for too long'));
    }
    const connection = new Connection(this.target, this.#options, this);
    this.#all.add(connection);
    return connection;
  }

  takeBack(connection: Connection): boolean {
    if (this.#left || this.#resting.length >= MAX_RESTING || this.#restMs(connection) <= 0) return false;
    this.#resting.push(connection);
    return true;
  }

  gone(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    const index = this.#resting.lastIndexOf(connection);
    if (index >= 0) this.#resting.splice(index, 1);
  }

  /** Ends what has rested, or has been silent within an answer, for too long. */
  sweep(now: number): void {
    this.clock = now;
    for (const connection of this.#all) {
      const still = now - connection.activeAt;
      if (connection.resting && still >= this.#restMs(connection))
        connection.destroy(new Error('it rested for too long'));
      else if (connection.answering && still >= this.#options.streamIdleMs)
        connection.destroy(new Error('silent for too long'));
    }
  }

  leave(): void {
    this.#left = true;
    for (const connection of [...this.#resting]) connection.destroy(new Error('the instance is left'));
  }

  #restMs({ keepAliveSeconds }: Connection): number {
    const { restMs } = this.#options;
    return keepAliveSeconds === null ? restMs : Math.min(restMs, keepAliveSeconds * 1000 * TRUSTED_SHARE);
  }
}

/** Connections are bounded by the ingress's own: every request has at most one. */
export function createUpstreams(given: UpstreamOptions): Upstreams {
  const options = { ...given, shared: createSharedMemory() };
  const pools = new Map<string, Pool>();
  /** Those that are left, but have exchanges under way. */
  const left = new Set<Pool>();
  const everyMs = Math.max(Math.min(options.restMs, options.streamIdleMs) / 4, 10);
  let sweeper: NodeJS.Timeout | undefined;

  function poolFor(containerId: string, target: RouteTarget): Pool {
    const present = pools.get(target.instanceId);
    if (present?.leadsTo(target)) return present;
    if (present !== undefined) leave(present);
    const pool = new Pool(containerId, target, options);
    pools.set(target.instanceId, pool);
    sweeper ??= setInterval(sweep, everyMs).unref();
    return pool;
  }

  function leave(pool: Pool): void {
    pool.leave();
    pools.delete(pool.target.instanceId);
    if (pool.size > 0) left.add(pool);
  }

  function sweep(): void {
    const now = options.now();
    for (const pool of pools.values()) pool.sweep(now);
    for (const pool of left) {
      pool.sweep(now);
      if (pool.size === 0) left.delete(pool);
    }
    if (pools.size > 0 || left.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  }

  return {
    hasRested: (instanceId) => pools.get(instanceId)?.hasRested ?? false,
    send: (containerId, target, request, listener) => poolFor(containerId, target).take().begin(request, listener),
    requestAlone: ({ address: host, port }, request) =>
      httpRequest({
        ...request,
        host,
        port,
        setHost: false,
        maxHeaderSize: options.maxHeaderSize,
        createConnection: () => open({ host, port }, options.connectTimeoutMs),
      }),
    retain(keep) {
      for (const pool of pools.values()) if (!keep(pool.containerId, pool.target.instanceId)) leave(pool);
    },
    close() {
      for (const pool of pools.values()) leave(pool);
    },
  };
}
