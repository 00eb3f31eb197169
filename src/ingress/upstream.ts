import { Agent, type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RouteTarget } from '../domain/route.js';

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  /**
   * How long a connection may rest between two requests. Shorter than what servers allow (gunicorn 2 s, Node 5 s), so that it is
   * we who close it: a server that closes while our next request is on its way would cost that request.
   */
  readonly restMs: number;
  /** Response header limit, in bytes. */
  readonly maxHeaderSize: number;
}

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Flat list of names and values. */
  readonly headers: string[];
  /** Silence on the connection after which the request emits `timeout`; 0 for never. */
  readonly idleMs: number;
}

/**
 * Connections to instances, one pool for each. Nothing here ever sends a request a second time: Node's client does not, and a
 * caller may only do so if `mayHaveSent` is false.
 */
export interface Upstreams {
  /** Whether a rested connection is there: let one turn of the event loop pass before using it, so that its end is seen if it came. */
  hasRested(instanceId: string): boolean;
  request(containerId: string, target: RouteTarget, options: UpstreamRequest): ClientRequest;
  /** On a connection of its own that is never used again. */
  requestAlone(target: RouteTarget, options: UpstreamRequest): ClientRequest;
  /** Closes resting connections to instances for which `keep` is false, and the busy ones as soon as they are done. */
  retain(keep: (containerId: string, instanceId: string) => boolean): void;
  close(): void;
}

const opened = new WeakSet<Duplex>();

/** False only if the connection was never established, which proves that not a byte of the request has left. */
export function mayHaveSent(request: ClientRequest): boolean {
  return request.socket !== null && request.socket !== undefined && opened.has(request.socket);
}

/** Calls back once the request has a connection that is established; never if that fails. */
export function whenConnected(request: ClientRequest, listener: () => void): void {
  request.once('socket', (socket) => {
    if (opened.has(socket)) listener();
    else socket.once('connect', listener);
  });
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

/** `Keep-Alive: timeout=5` in seconds; null where there is none. */
function keepAliveHint(
  socket: Duplex & { _httpMessage?: ClientRequest & { res?: { headers?: NodeJS.Dict<string | string[]> } } },
) {
  const value = socket._httpMessage?.res?.headers?.['keep-alive'];
  const seconds = typeof value === 'string' ? /timeout=(\d+)/.exec(value)?.[1] : undefined;
  return seconds === undefined ? null : Number(seconds);
}

/**
 * First in, first out, because only then does Node's agent skip a destroyed connection. It looks at nothing but `destroyed`, so a
 * resting connection is destroyed in the same moment in which its end is seen.
 */
class InstanceAgent extends Agent {
  readonly #resting = new Set<Socket>();
  readonly #limits: UpstreamOptions;
  #left = false;

  constructor(limits: UpstreamOptions) {
    super({ keepAlive: true, scheduling: 'fifo', maxFreeSockets: 1024 });
    this.#limits = limits;
  }

  get rested(): boolean {
    return this.#resting.size > 0;
  }

  leave(): void {
    this.#left = true;
    for (const socket of this.#resting) socket.destroy();
  }

  override createConnection({ host, port }: TcpNetConnectOpts): Socket {
    const socket = open({ host, port }, this.#limits.connectTimeoutMs);
    const destroyIfResting = () => {
      if (this.#resting.has(socket)) socket.destroy();
    };
    socket.on('end', destroyIfResting);
    socket.on('timeout', destroyIfResting);
    socket.once('close', () => this.#resting.delete(socket));
    return socket;
  }

  override keepSocketAlive(stream: Duplex): boolean {
    const socket = stream as Socket;
    const hint = keepAliveHint(socket);
    const { restMs } = this.#limits;
    if (this.#left || socket.destroyed || socket.readableEnded || !socket.writable) return false;
    if (hint !== null && hint * 1000 <= restMs) return false;
    socket.setTimeout(restMs);
    this.#resting.add(socket);
    return true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#resting.delete(stream as Socket);
    super.reuseSocket(stream, request);
  }
}

interface Pool {
  readonly agent: InstanceAgent;
  readonly containerId: string;
  readonly target: RouteTarget;
}

/** Connections are bounded by the ingress's own: every request has at most one. */
export function createUpstreams(options: UpstreamOptions): Upstreams {
  const agents = new Map<string, Pool>();

  function agentFor(containerId: string, target: RouteTarget): InstanceAgent {
    const present = agents.get(target.instanceId);
    if (present !== undefined && present.target.address === target.address && present.target.port === target.port)
      return present.agent;
    present?.agent.leave();
    const agent = new InstanceAgent(options);
    agents.set(target.instanceId, { agent, containerId, target });
    return agent;
  }

  function requestOptions(target: RouteTarget, { method, path, headers, idleMs }: UpstreamRequest): RequestOptions {
    return {
      host: target.address,
      port: target.port,
      method,
      path,
      headers,
      timeout: idleMs,
      setHost: false,
      maxHeaderSize: options.maxHeaderSize,
    };
  }

  return {
    hasRested: (instanceId) => agents.get(instanceId)?.agent.rested ?? false,
    request: (containerId, target, request) =>
      httpRequest({ ...requestOptions(target, request), agent: agentFor(containerId, target) }),
    requestAlone: (target, request) =>
      httpRequest({
        ...requestOptions(target, request),
        createConnection: () => open({ host: target.address, port: target.port }, options.connectTimeoutMs),
      }),
    retain(keep) {
      for (const [instanceId, { agent, containerId }] of agents) {
        if (keep(containerId, instanceId)) continue;
        agent.leave();
        agents.delete(instanceId);
      }
    },
    close() {
      for (const { agent } of agents.values()) agent.leave();
      agents.clear();
    },
  };
}
