import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * What the process tells of itself. Labels are sets that code fixes (kinds, codes, methods) or an operator does (hosts), and never a
 * container: their number must not grow with what users create. Durations are seconds.
 */
export interface Metrics {
  /** `step`: DONE, or the one at which it failed. `result`: OK, or the error code that it ended with. */
  operationEnded(kind: string, step: string, result: string, seconds: number): void;
  /** `method`: its full name; only names that exist. */
  rpcEnded(method: string, code: string, seconds: number): void;
  /** Keys in the work queue, and how long the one that is most overdue has waited. */
  queueIs(depth: number, oldestSeconds: number): void;
  leasesHeld(count: number): void;
  leaseLost(): void;
  /** A step was tried again; `cause`: the kind of the fault. */
  stepRetried(cause: string): void;
  /** Work on a key ended in a way that nobody foresaw. */
  workFailed(): void;
  /** Keys (`container/<id>`, `host/<name>`) that are parked. */
  parkedAre(keys: readonly string[]): void;
  /** Replaces what is known of all hosts. */
  hostsAre(hosts: readonly HostSeen[]): void;
  ingressEnded(status: number, answeredBy: 'INSTANCE' | 'INGRESS', seconds: number): void;
  ingressInFlightIs(count: number): void;
  embeddedRedisRestarted(): void;
  /** Whether Redis answered when it was last asked. */
  redisIs(up: boolean): void;
  /** Asked before each scrape, for values that are cheaper to read then than to keep. A failure is not the scraper's. */
  beforeScrape(refresh: () => Promise<void> | void): void;
  readonly contentType: string;
  /** In Prometheus' text form. */
  text(): Promise<string>;
}

export interface HostSeen {
  readonly name: string;
  readonly state: string;
  readonly orphans: readonly { readonly kept: string }[];
  /** How many of its devices nobody has, our containers have, and others have. */
  readonly devices: { readonly free: number; readonly leased: number; readonly foreign: number };
}

const RPC_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];
const OPERATION_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600];
const REQUEST_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

/** The process wakes this often to see how late it is: every 10 ms, the default, was a third of what a service at rest costs. */
const LAG_PRECISION_MS = 50;

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  const refreshers: (() => Promise<void> | void)[] = [];
  return {
    ...operationMetrics(registry),
    ...workMetrics(registry),
    ...ingressMetrics(registry),
    beforeScrape: (refresh) => void refreshers.push(refresh),
    contentType: registry.contentType,
    async text() {
      await Promise.allSettled(refreshers.map(async (refresh) => refresh()));
      return registry.metrics();
    },
  };
}

function operationMetrics(registry: Registry): Pick<Metrics, 'operationEnded' | 'rpcEnded'> {
  const operations = new Histogram({
    name: 'longshore_operation_duration_seconds',
    help: 'Time from the submit of an operation to its end, by kind, step (DONE, or where it failed) and result (OK, or the error code).',
    labelNames: ['kind', 'step', 'result'],
    buckets: OPERATION_BUCKETS,
    registers: [registry],
  });
  const rpcs = new Histogram({
    name: 'longshore_rpc_duration_seconds',
    help: 'Time that an RPC took to answer, by method and status code.',
    labelNames: ['method', 'code'],
    buckets: RPC_BUCKETS,
    registers: [registry],
  });
  return {
    operationEnded: (kind, step, result, seconds) => operations.observe({ kind, step, result }, seconds),
    rpcEnded: (method, code, seconds) => rpcs.observe({ method, code }, seconds),
  };
}

type WorkMetrics = Pick<
  Metrics,
  | 'queueIs'
  | 'leasesHeld'
  | 'parkedAre'
  | 'leaseLost'
  | 'stepRetried'
  | 'workFailed'
  | 'hostsAre'
  | 'embeddedRedisRestarted'
  | 'redisIs'
>;

function workMetrics(registry: Registry): WorkMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const depth = gauge('longshore_queue_depth', 'Keys in the work queue, due or not.');
  const oldest = gauge(
    'longshore_queue_oldest_seconds',
    'How long the key that is most overdue has waited to be taken.',
  );
  const leases = gauge('longshore_leases_held', 'Keys that this process works on.');
  const parked = new Gauge({
    name: 'longshore_parked_keys',
    help: 'Containers and hosts whose work failed time and again, so that it is tried now and then only.',
    labelNames: ['kind'],
    registers,
  });
  const lost = counter('longshore_leases_lost_total', 'Leases that lapsed while this process held them.');
  const failed = counter('longshore_work_failed_total', 'Times that work on a key ended in an unforeseen fault.');
  const restarts = counter(
    'longshore_embedded_redis_restarts_total',
    'Times that the private redis-server was started again.',
  );
  const retries = new Counter({
    name: 'longshore_step_retries_total',
    help: 'Steps that were tried again, by the kind of the fault.',
    labelNames: ['cause'],
    registers,
  });
  const hosts = new Gauge({
    name: 'longshore_host_state',
    help: '1 for the state that a host is in.',
    labelNames: ['host', 'state'],
    registers,
  });
  const orphans = new Gauge({
    name: 'longshore_orphans',
    help: 'Docker containers labelled as ours that Redis knows nothing of: quarantined until they are removed, or kept for a person.',
    labelNames: ['host', 'fate'],
    registers,
  });
  const gpus = new Gauge({
    name: 'longshore_gpus',
    help: 'GPUs of a host by their use: free, leased to containers of ours, or foreign (in the hands of others).',
    labelNames: ['host', 'use'],
    registers,
  });
  const redis = gauge('longshore_redis_up', '1 while Redis answers this process, 0 while it does not.');
  return {
    queueIs(keys, seconds) {
      depth.set(keys);
      oldest.set(seconds);
    },
    leasesHeld: (count) => leases.set(count),
    parkedAre(keys) {
      for (const kind of ['container', 'host'])
        parked.set({ kind }, keys.filter((key) => key.startsWith(`${kind}/`)).length);
    },
    leaseLost: () => lost.inc(),
    stepRetried: (cause) => retries.inc({ cause }),
    workFailed: () => failed.inc(),
    hostsAre(seen) {
      for (const metric of [hosts, orphans, gpus]) metric.reset();
      for (const { name: host, state, orphans: found, devices } of seen) {
        hosts.set({ host, state }, 1);
        for (const [use, count] of Object.entries(devices)) gpus.set({ host, use }, count);
        const kept = found.filter((orphan) => orphan.kept !== '').length;
        orphans.set({ host, fate: 'quarantined' }, found.length - kept);
        orphans.set({ host, fate: 'kept' }, kept);
      }
    },
    embeddedRedisRestarted: () => restarts.inc(),
    redisIs: (up) => redis.set(up ? 1 : 0),
  };
}

function ingressMetrics(registry: Registry): Pick<Metrics, 'ingressEnded' | 'ingressInFlightIs'> {
  const requests = new Histogram({
    name: 'longshore_ingress_request_duration_seconds',
    help: 'Time from the arrival of a request at the ingress to the end of its response, by class of status (5xx) and by outcome.',
    labelNames: ['class', 'outcome'],
    buckets: REQUEST_BUCKETS,
    registers: [registry],
  });
  const inFlight = new Gauge({
    name: 'longshore_ingress_requests_in_flight',
    help: 'Requests at the ingress that have not ended.',
    registers: [registry],
  });
  return {
    ingressEnded: (status, answeredBy, seconds) =>
      requests.observe(
        { class: `${Math.floor(status / 100)}xx`, outcome: outcomeOf(status, answeredBy === 'INSTANCE') },
        seconds,
      ),
    ingressInFlightIs: (count) => inFlight.set(count),
  };
}

/** What the ingress answers by itself, in a word. */
const OWN_ANSWERS: Readonly<Record<number, string>> = {
  404: 'no_route',
  429: 'too_many',
  502: 'broken',
  503: 'no_instance',
  504: 'late',
};
const CALLER_LEFT = 499;

function outcomeOf(status: number, byInstance: boolean): string {
  if (status === CALLER_LEFT) return 'caller_left';
  return byInstance ? 'answered' : (OWN_ANSWERS[status] ?? 'bad_request');
}
