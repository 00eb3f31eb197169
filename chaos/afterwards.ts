import { CODE } from './api.js';
import type { FailedRequest } from './caller.js';
import type { Call } from './calls.js';
import type { Entry, Ledger } from './ledger.js';
import type { FaultRecord, Storm } from './storm.js';

/*
 * What can only be judged when it is known which faults were in force: an answer that did not come, a request that failed, an
 * operation that ended with an error.
 */

export interface AfterwardsParts {
  readonly ledger: Ledger;
  readonly storm: Pick<Storm, 'during' | 'records'>;
  readonly calls: readonly Call[];
  readonly failed: readonly FailedRequest[];
  readonly ranOn: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** One second is what is promised; the rest is for a machine with too much to do. */
const QUICK_MS = 4_000;

export function* judged(parts: AfterwardsParts): Generator<string> {
  for (const call of parts.calls) yield* callFaults(call, parts);
  for (const request of parts.failed) yield* requestFaults(request, parts);
  for (const entry of parts.ledger.entries) yield* operationFaults(entry, parts);
}

/** Whatever is wrong with Redis or an engine: a process that is well answers, or says quickly that it cannot. */
function* callFaults({ api, method, from, to, code, message }: Call, { storm }: AfterwardsParts): Generator<string> {
  if (code === CODE.INTERNAL || code === CODE.UNKNOWN)
    yield `${method} at ${api} was answered with code ${code}: ${message}`;
  if (storm.during([api], from, to).length > 0) return;
  const redis = storm.during(['redis'], from, to).map(({ name }) => name);
  const under = redis.length === 0 ? 'no fault in force on Redis' : `in force: ${redis.join(', ')}`;
  if (to - from > QUICK_MS) yield `${method} at ${api} took ${to - from} ms, at ${time(from)} (${under})`;
  if (code === CODE.UNAVAILABLE && redis.length === 0)
    yield `${method} at ${api} was UNAVAILABLE at ${time(from)} (${under}): ${message}`;
}

function* requestFaults(
  { container, ingress, from, to, what }: FailedRequest,
  parts: AfterwardsParts,
): Generator<string> {
  const hosts = [...(parts.ranOn.get(container.id)?.keys() ?? [])];
  if (parts.storm.during([ingress, container.id, ...hosts], from, to).length > 0) return;
  yield `a request to ${container.id} (${container.name}, on ${hosts.join()}) by ${ingress} at ${time(from)} failed after ${to - from} ms: ${what}`;
}

function* operationFaults(
  { operationId, method, canSucceed, cancelled, acknowledgedAt, end }: Entry,
  { storm }: AfterwardsParts,
): Generator<string> {
  const error = end?.operation.error;
  if (!error || end === null) return;
  const said = `operation ${operationId} (${method}) ended with code ${error.code}: ${error.message}`;
  if (error.code === CODE.INTERNAL || error.code === CODE.UNKNOWN) return yield said;
  if (error.code === CODE.CANCELLED) {
    if (!cancelled) yield `${said}; nobody cancelled it`;
    return;
  }
  if (!canSucceed || error.code === CODE.RESOURCE_EXHAUSTED) return;
  if (!storm.records.some((one) => inForce(one, acknowledgedAt, end.at))) yield `${said}; no fault was in force`;
}

const inForce = ({ from, to, recoversMs }: FaultRecord, since: number, until: number): boolean =>
  from <= until && (to === null || to + recoversMs >= since);

export const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
