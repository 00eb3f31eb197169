import { CODE } from './api.js';
import type { FailedRequest } from './caller.js';
import type { Call } from './calls.js';
import type { Path } from './faults/fault.js';
import type { Entry, Ledger } from './ledger.js';
import { EVERYTHING } from './stalls.js';
import type { FaultRecord } from './storm.js';
import type { Crowd, Stay } from './watch.js';

/*
 * What can only be judged when it is known which faults were in force: an answer that did not come, a request that failed, an
 * operation that ended with an error.
 */

export interface AfterwardsParts {
  readonly ledger: Ledger;
  /** Those of the storm, and the stalls. */
  readonly faults: readonly FaultRecord[];
  readonly calls: readonly Call[];
  readonly failed: readonly FailedRequest[];
  readonly stays: ReadonlyMap<string, readonly Stay[]>;
  readonly crowds: readonly Crowd[];
  /** Names of the processes that work on containers. */
  readonly workers: readonly string[];
}

/** One second is what is promised; the rest is for a machine with too much to do. */
const QUICK_MS = 4_000;
/** For a former instance to drain, to ignore that it is to stop, and to be found where nobody told of it. */
const CROWD_MS = 30_000;
/** Engines are looked at once in a while, and not at all while they hang. */
const NEAR_MS = 15_000;
/** For workers to find that Redis, or an engine, is back. */
const BACK_MS = 3_000;

export function* judged(parts: AfterwardsParts): Generator<string> {
  for (const call of parts.calls) yield* callFaults(call, parts);
  for (const request of parts.failed) yield* requestFaults(request, parts);
  for (const entry of parts.ledger.entries) yield* operationFaults(entry, parts);
  for (const crowd of parts.crowds) yield* crowdFaults(crowd, parts);
}

/** Whatever is wrong with Redis or an engine: a process that is well answers, or says quickly that it cannot. */
function* callFaults({ api, method, from, to, code, message }: Call, { faults }: AfterwardsParts): Generator<string> {
  if (code === CODE.INTERNAL || code === CODE.UNKNOWN)
    yield `${method} at ${api} was answered with code ${code}: ${message}`;
  if (during(faults, [api], from, to).length > 0) return;
  const redis = during(faults, ['redis'], from, to).map(({ name }) => name);
  const under = redis.length === 0 ? 'no fault in force on Redis' : `in force: ${redis.join(', ')}`;
  if (to - from > QUICK_MS) yield `${method} at ${api} took ${to - from} ms, at ${time(from)} (${under})`;
  if (code === CODE.UNAVAILABLE && redis.length === 0)
    yield `${method} at ${api} was UNAVAILABLE at ${time(from)} (${under}): ${message}`;
}

function* requestFaults(
  { container, ingress, from, to, what, late }: FailedRequest,
  parts: AfterwardsParts,
): Generator<string> {
  const stays = parts.stays.get(container.id) ?? [];
  const hosts = hostsNear(stays, from, to);
  // Which revision it is to be an ingress hears from Redis.
  const paths = [ingress, container.id, ...hosts, ...(late ? ['redis'] : [])];
  if (during(parts.faults, paths, from, to).length > 0) return;
  const taken = parts.faults.filter((fault) => fault.from <= to && tookOne(fault, container.id, stays));
  if (taken.some((fault) => recoveredAt(fault, hostsNear(stays, fault.from, fault.from), parts.faults) >= from)) return;
  yield `a request to ${container.id} (${container.name}, on ${hosts.join()}) by ${ingress} at ${time(from)} failed after ${to - from} ms: ${what}`;
}

/** Where it ran shortly before, between, or shortly after. */
function hostsNear(stays: readonly Stay[], from: number, to: number): readonly string[] {
  const near = stays.filter((stay) => stay.from - NEAR_MS <= to && stay.to + NEAR_MS >= from);
  return [...new Set(near.map(({ host }) => host))];
}

/** An instance that a fault took is seen nowhere, for as long as it is not back: where it ran is known from then. */
function tookOne({ from, paths }: FaultRecord, container: string, stays: readonly Stay[]): boolean {
  return paths.includes(container) || hostsNear(stays, from, from).some((host) => paths.includes(host));
}

/** While Redis or the engine is away nobody can start what was taken, so that time does not count as time to recover. */
function recoveredAt(taking: FaultRecord, hosts: readonly string[], faults: readonly FaultRecord[]): number {
  const its = hosts.filter((host) => taking.paths.includes(host));
  const engines = (its.length > 0 ? its : hosts).map((host) => host.replace('host', 'engine'));
  const paths = ['redis', EVERYTHING, ...engines];
  const inTheWay = faults.filter((one) => one !== taking && one.paths.some((path) => paths.includes(path)));
  let at = taking.to ?? Number.POSITIVE_INFINITY;
  let left = taking.recoversMs;
  for (const { from, to } of [...inTheWay].sort((a, b) => a.from - b.from)) {
    if (from >= at + left) break;
    left -= Math.max(0, from - at);
    at = Math.max(at, (to ?? Number.POSITIVE_INFINITY) + BACK_MS);
  }
  return at + left;
}

/** The former instance goes when its requests have ended, or their time is over: later than that one of a container runs. */
function* crowdFaults(
  { container, names, hosts, from, to }: Crowd,
  { faults, workers }: AfterwardsParts,
): Generator<string> {
  const engines = hosts.map((host) => host.replace('host', 'engine'));
  const inTheWay = during(faults, ['redis', container, ...hosts, ...engines, ...workers], from, to);
  const ends = inTheWay.map((one) => ({ from: one.from, to: (one.to ?? to) + one.recoversMs }));
  let since = from;
  for (const one of [...ends.sort((a, b) => a.from - b.from), { from: to, to }]) {
    if (one.from - since > CROWD_MS)
      yield `of container ${container} ran ${names} from ${time(since)} to ${time(one.from)}, and nothing was under way`;
    since = Math.max(since, one.to);
  }
}

function* operationFaults(
  { operationId, method, canSucceed, scarce, cancelled, acknowledgedAt, end }: Entry,
  { faults }: AfterwardsParts,
): Generator<string> {
  const error = end?.operation.error;
  if (!error || end === null) return;
  const said = `operation ${operationId} (${method}) ended with code ${error.code}: ${error.message}`;
  if (error.code === CODE.INTERNAL || error.code === CODE.UNKNOWN) return yield said;
  if (error.code === CODE.CANCELLED) {
    if (!cancelled) yield `${said}; nobody cancelled it`;
    return;
  }
  if (!canSucceed || (scarce && error.code === CODE.RESOURCE_EXHAUSTED)) return;
  if (!faults.some((one) => one.paths.length > 0 && inForce(one, acknowledgedAt, end.at)))
    yield `${said}; no fault was in force`;
}

/** Those in force on one of the paths at some time between, or so shortly before that they may still be felt. */
function during(
  faults: readonly FaultRecord[],
  paths: readonly Path[],
  from: number,
  to: number,
): readonly FaultRecord[] {
  const all = [...paths, EVERYTHING];
  return faults.filter((one) => one.paths.some((path) => all.includes(path)) && inForce(one, from, to));
}

const inForce = ({ from, to, recoversMs }: FaultRecord, since: number, until: number): boolean =>
  from <= until && (to === null || to + recoversMs >= since);

export const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
