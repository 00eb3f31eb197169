import { isActive } from '../domain/observed-instance.js';
import { type EngineDriver, EngineError, type ObservedInstance } from '../engine/driver.js';
import type { HostObservation, Observations } from '../fleet/observations.js';
import type { Records } from '../store/records.js';
import type { HostWork, Lease, Looked } from '../store/work.js';
import { type Leftover, leftoverOf } from './leftovers.js';
import { type HostSeen, type LookDeps, lookAt, restsOn } from './look.js';
import type { Rebuilding } from './rebuild.js';
import type { Rest, Rests } from './rests.js';
import { transitionOf } from './transition-fields.js';
import type { WorkerLog } from './worker.js';

export interface SweepDeps extends LookDeps {
  readonly observations: Observations;
  readonly hostWork: Pick<HostWork, 'hosts' | 'containersOn' | 'look'>;
  readonly records: Pick<Records, 'container'>;
  readonly rests: Rests;
  /** Of the host's key. */
  readonly lease: Pick<Lease, 'key' | 'fence'>;
  readonly log: WorkerLog;
}

/** Has a container's records made again where Redis has lost them; see rebuild.ts. */
export type Rebuilder = (containerId: string, here: readonly ObservedInstance[], looked: Looked) => Promise<Rebuilding>;

export interface Swept {
  /** What the host runs and should not any more, for people; empty: nothing. */
  readonly unclean: string;
  /** What runs without a record, and what is newer than its record. */
  readonly orphans: readonly ObservedInstance[];
  /** Why the records of a container, by its id, were not made again. */
  readonly reasons: ReadonlyMap<string, string>;
  /** GPUs of what runs there without a record, and so without a lease. */
  readonly strayGpus: readonly string[];
}

/** Compares all of ours on a host with what Redis knows: makes due what needs something, and removes what nobody else would look for here. */
export async function sweep(
  deps: SweepDeps,
  driver: EngineDriver,
  rebuild: Rebuilder,
  signal: AbortSignal,
): Promise<Swept> {
  const { host } = driver;
  const observation = await deps.observations.observe(host, signal);
  const leased = await deps.hostWork.containersOn(host);
  const seen = { host, observation };
  const known = await stillSeen(deps, seen);
  const looks = new Map(await deps.hostWork.look([...new Set([...leased, ...observation.keys()])], marksOf(known)));
  signal.throwIfAborted();
  const reasons = await restore(deps, observation, looks, rebuild, signal);
  const resting = await lookAtAll(deps, looks, known, seen);
  const judged: { readonly instance: ObservedInstance; readonly leftover: Leftover }[] = [];
  for (const [id, instances] of observation) {
    const looked = looks.get(id) ?? 'UNKNOWN';
    // Only those rest of which all was wanted.
    if (looked === 'SAME') continue;
    for (const instance of instances) {
      const leftover = await sweepInstance(deps, driver, instance, looked, signal);
      judged.push({ instance, leftover });
      if (leftover !== 'WANTED') resting.delete(id);
      if (leftover === 'NEWER' && !reasons.has(id)) reasons.set(id, 'Redis knows only an older state of its container');
    }
  }
  deps.rests.put(host, resting);
  const which = (...kinds: readonly Leftover[]) =>
    judged.flatMap(({ instance, leftover }) => (kinds.includes(leftover) ? [instance] : []));
  const active = (instances: readonly ObservedInstance[]) => instances.filter(({ state }) => isActive(state));
  return {
    unclean: shown(active(which('LEAVING', 'UNSETTLED')).map(({ name }) => name)),
    orphans: which('ORPHAN', 'NEWER'),
    reasons,
    strayGpus: active(which('ORPHAN', 'NEWER')).flatMap(({ gpuUuids }) => gpuUuids),
  };
}

/** What rests on what is seen now, as far as this look at Docker can tell. */
async function stillSeen(deps: SweepDeps, seen: HostSeen): Promise<ReadonlyMap<string, Rest>> {
  const still = new Map<string, Rest>();
  for (const [id, rest] of deps.rests.of(seen.host)) {
    const now = await restsOn(deps, id, rest, seen);
    if (now !== null) still.set(id, now);
  }
  return still;
}

const marksOf = (rests: ReadonlyMap<string, Rest>): ReadonlyMap<string, string> =>
  new Map([...rests].map(([id, { mark }]) => [id, mark]));

/** Makes due what needs something. Returns what rests. */
async function lookAtAll(
  deps: SweepDeps,
  looks: ReadonlyMap<string, Looked | 'SAME'>,
  known: ReadonlyMap<string, Rest>,
  seen: HostSeen,
): Promise<Map<string, Rest>> {
  const resting = new Map<string, Rest>();
  const judge = async (id: string, looked: Looked | 'SAME'): Promise<void> => {
    const rest = looked === 'SAME' ? known.get(id) : await lookAt(deps, id, looked, seen);
    if (rest) resting.set(id, rest);
  };
  await Promise.all([...looks].map(([id, looked]) => judge(id, looked)));
  return resting;
}

/** What is rebuilt is looked at anew, so that it counts as what it is from this look on. */
async function restore(
  { hostWork }: SweepDeps,
  observation: HostObservation,
  looks: Map<string, Looked | 'SAME'>,
  rebuild: Rebuilder,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  for (const [id, instances] of observation) {
    const looked = looks.get(id) ?? 'UNKNOWN';
    if (looked === 'SAME') continue;
    const outcome = await rebuild(id, instances, looked);
    signal.throwIfAborted();
    if (outcome === 'REBUILT') looks.set(id, (await hostWork.look([id])).get(id) ?? 'UNKNOWN');
    else if (outcome !== 'UNNEEDED') reasons.set(id, outcome.reason);
  }
  return reasons;
}

/**
 * What was deleted is removed, and so is a late create of an instance that its container has forgotten. Both need no lease of the container: the
 * engine was listed before Redis was read, a record precedes its create, and ids are never used again.
 */
async function sweepInstance(
  deps: SweepDeps,
  driver: EngineDriver,
  instance: ObservedInstance,
  looked: Looked,
  signal: AbortSignal,
): Promise<Leftover> {
  const { name } = instance;
  const { containerId: container, instanceId, revisionId: revision } = instance.identity;
  const record = looked === 'BUSY' || looked === 'UNCLEAN' ? await deps.records.container(container) : null;
  const leftover = leftoverOf(instance, looked, record);
  // Since the engine was listed, whoever works on its container may have stopped, removed and forgotten it.
  if (leftover === 'ORPHAN' && (await driver.inspect(name, signal)) === null) return 'UNSETTLED';
  const ids = { container, revision, instance: instanceId, host: driver.host };
  const fields = { ...transitionOf(deps.lease, ids), name };
  if (leftover === 'REMOVED') {
    signal.throwIfAborted();
    await remove(deps, driver, name, fields, signal);
  }
  return leftover;
}

/** One that cannot be removed now is met again at the next look, and tells nothing of its host unless that does not answer. */
async function remove({ log }: SweepDeps, driver: EngineDriver, name: string, fields: object, signal: AbortSignal) {
  try {
    await driver.remove(name, signal);
    log.info(fields, 'removed what nobody wants any more');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError) || error.kind === 'UNREACHABLE') throw error;
    log.warn({ ...fields, reason: error.message }, 'could not remove what nobody wants any more');
  }
}

const MOST_NAMES = 3;

function shown(names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `it is used when what it should not run any more has stopped: ${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}
