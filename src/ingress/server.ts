import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Route } from '../domain/route.js';
import type { RouteStore } from '../store/work.js';
import { createAdmission } from './admission.js';
import { createDrain } from './drain.js';
import { IngressError } from './errors.js';
import { checkRequest } from './headers.js';
import { createHold } from './hold.js';
import { createListener } from './listener.js';
import { createSparseLog, type IngressLog, type RequestDone } from './log.js';
import { createRouteFeed } from './route-feed.js';
import { containerOfHost, createRouteTable } from './routes.js';
import { createUpstreams } from './upstream.js';

/** Times in milliseconds. */
export interface IngressOptions {
  /** Connections of callers at a time; more are closed at once. */
  readonly maxConnections: number;
  readonly maxHeaders: number;
  /** Bytes of a request's or a response's header. */
  readonly maxHeaderSize: number;
  /** For a request's header to arrive. */
  readonly headersTimeoutMs: number;
  /** A caller's connection may rest for so long. */
  readonly keepAliveMs: number;
  /** Requests that may wait for a free instance, per container. */
  readonly queueLimit: number;
  /** Requests that may wait while a revision is being replaced, per container, and for how long. */
  readonly holdLimit: number;
  readonly holdMs: number;
  /** Silence within a response after which it is broken off. */
  readonly streamIdleMs: number;
  readonly lingerMs: number;
  readonly connectTimeoutMs: number;
  /** A connection to an instance may rest for so long. */
  readonly restMs: number;
  readonly beatMs: number;
  readonly heartbeatTtlMs: number;
  /** How long the last routes are served without word from the store. */
  readonly staleAfterMs: number;
  readonly storeTimeoutMs: number;
}

export const INGRESS_DEFAULTS: IngressOptions = {
  maxConnections: 10_000,
  maxHeaders: 100,
  maxHeaderSize: 32 * 1024,
  headersTimeoutMs: 15_000,
  keepAliveMs: 75_000,
  queueLimit: 1_000,
  holdLimit: 1_000,
  holdMs: 60_000,
  streamIdleMs: 300_000,
  lingerMs: 5_000,
  connectTimeoutMs: 5_000,
  restMs: 1_000,
  beatMs: 1_000,
  heartbeatTtlMs: 5_000,
  staleAfterMs: 60_000,
  storeTimeoutMs: 5_000,
};

/** One line for each container or instance in so long, in milliseconds. */
const SPARSE_LOG_MS = 10_000;

export interface IngressDeps {
  readonly routes: RouteStore;
  /** Port 0: any free one. */
  readonly addr: { readonly host: string; readonly port: number };
  /** `<container id>.<domain>` is a container's host name. */
  readonly domain: string;
  /** How callers reach it: https where a proxy that ends TLS stands in front. Default http. */
  readonly proto?: 'http' | 'https';
  readonly log: IngressLog;
  readonly options?: Partial<IngressOptions>;
  observe?(done: RequestDone): void;
}

export interface IngressStatusReport {
  readonly appliedVersion: number;
  readonly inFlight: number;
  readonly busyInstances: readonly string[];
}

export interface Ingress {
  /** Reads the routes, if the store can be reached, and listens. Without routes it answers 503. */
  start(): Promise<void>;
  /** Accepts no more, lets what is in flight end for at most `deadlineMs`, leaves the store, and closes what is left. */
  stop(deadlineMs: number): Promise<void>;
  /** Where it listens; throws before `start`. */
  address(): AddressInfo;
  /** Whether it has routes that are fresh enough to serve. */
  ready(): boolean;
  status(): IngressStatusReport;
}

export function createIngress({
  routes,
  addr,
  domain,
  proto = 'http',
  log,
  options: given,
  observe,
}: IngressDeps): Ingress {
  const options = { ...INGRESS_DEFAULTS, ...given };
  const now = () => performance.now();
  const table = createRouteTable();
  const upstreams = createUpstreams({ ...options, now });
  const drain = createDrain({
    leadsTo: table.leadsTo,
    onIdle: (containerId) => feed.becameIdle(containerId),
    onRelease: (containerId) => admission.released(containerId),
  });
  const hold = createHold({ maxRequests: options.holdLimit, maxWaitMs: options.holdMs }, now);
  const lookup = (containerId: string): Route | null => {
    if (!feed.fresh()) throw new IngressError(503, 'the ingress does not know the present routes', 2);
    return table.lookup(containerId);
  };
  const waking = () => feed.waking();
  const admission = createAdmission({ lookup, waking, drain, hold, queueLimit: options.queueLimit, now });
  const feed = createRouteFeed({
    store: routes,
    table,
    ingressId: randomUUID(),
    busyInstances: drain.busyInstances,
    onApplied(containerIds) {
      upstreams.retain(table.leadsTo);
      for (const id of containerIds) admission.routeChanged(id);
    },
    now,
    log,
    options: {
      everyMs: options.beatMs,
      heartbeatTtlMs: options.heartbeatTtlMs,
      staleAfterMs: options.staleAfterMs,
      callTimeoutMs: options.storeTimeoutMs,
    },
  });

  function routeOf(request: IncomingMessage): Route {
    checkRequest(request, options.maxHeaders);
    const containerId = containerOfHost(request.headers.host ?? '', domain);
    // While it wakes the admission waits; what there is to say of the request does not change meanwhile.
    const known = feed.waking() === null ? lookup : table.lookup;
    const route = containerId === null ? null : known(containerId);
    // A container has its first route with its first revision, so it is not told apart from one that does not exist.
    if (route === null) throw new IngressError(404, 'no container that was deployed has this host name');
    return route;
  }

  const listener = createListener(options, {
    routeOf,
    admission,
    upstreams,
    streamIdleMs: options.streamIdleMs,
    lingerMs: options.lingerMs,
    proto,
    log: createSparseLog(log, SPARSE_LOG_MS, now),
    observe: observe ?? (() => undefined),
    now,
  });

  return {
    async start() {
      await feed.start();
      await listener.listen(addr);
    },
    async stop(deadlineMs) {
      // The heartbeat goes on while requests are in flight: whoever leaves is not waited for, and an instance in use might be stopped.
      await listener.drain(deadlineMs);
      await feed.stop();
      upstreams.close();
    },
    address: listener.address,
    ready: feed.fresh,
    status: () => ({
      appliedVersion: table.version(),
      inFlight: drain.total(),
      busyInstances: drain.busyInstances(),
    }),
  };
}
