import type { EngineDriver, ObservedInstance } from '../engine/driver.js';
import type { Observations } from '../fleet/observations.js';
import type { Records } from '../store/records.js';
import type { HostWork, Looked } from '../store/work.js';
import { isActive, type Leftover, leftoverOf } from './leftovers.js';
import { type LookDeps, lookAt } from './look.js';
import type { WorkerLog } from './worker.js';

export interface SweepDeps extends LookDeps {
  readonly observations: Observations;
  readonly hostWork: Pick<HostWork, 'hosts' | 'containersOn' | 'look'>;
  readonly records: Pick<Records, 'container'>;
  readonly log: WorkerLog;
}

/**
 * Compares all of ours on a host with what Redis knows: makes due what needs something, and removes what nobody else would look for here. Returns what
 * the host runs and should not any more, for people; empty: nothing.
 */
export async function sweep(deps: SweepDeps, driver: EngineDriver, signal: AbortSignal): Promise<string> {
  const { host } = driver;
  const observation = await deps.observations.observe(host, signal);
  const leased = await deps.hostWork.containersOn(host);
  const looks = await deps.hostWork.look([...new Set([...leased, ...observation.keys()])]);
  signal.throwIfAborted();
  await Promise.all([...looks].map(([id, looked]) => lookAt(deps, id, looked, { host, observation })));
  const unclean: string[] = [];
  for (const [id, instances] of observation) {
    for (const instance of instances) {
      const leftover = await sweepInstance(deps, driver, instance, looks.get(id) ?? 'UNKNOWN', signal);
      if (isInTheWay(leftover, instance)) unclean.push(instance.name);
    }
  }
  return shown(unclean);
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
  const { containerId: container, instanceId } = instance.identity;
  const record = looked === 'BUSY' || looked === 'UNCLEAN' ? await deps.records.container(container) : null;
  const leftover = leftoverOf(instance, looked, record);
  const fields = { host: driver.host, container, instance: instanceId, name };
  if (leftover === 'ORPHAN') {
    deps.log.warn(fields, 'found an instance of a container that Redis does not know; it is left alone');
  }
  if (leftover === 'REMOVED') {
    signal.throwIfAborted();
    await driver.remove(name, signal);
    deps.log.info(fields, 'removed what nobody wants any more');
  }
  return leftover;
}

/** What was removed just now is gone. */
function isInTheWay(leftover: Leftover, { state }: ObservedInstance): boolean {
  return (leftover === 'LEAVING' || leftover === 'UNSETTLED') && isActive(state);
}

const MOST_NAMES = 3;

function shown(names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `it is used when what it should not run any more has stopped: ${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}
