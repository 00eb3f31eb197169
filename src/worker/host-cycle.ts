import type { HostRecord } from '../domain/host.js';
import { type EngineDriver, EngineError, type ObservedInstance } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Observations } from '../fleet/observations.js';
import type { Records } from '../store/records.js';
import type { HostWork, Lease, Looked } from '../store/work.js';
import { type LookDeps, lookAt } from './look.js';
import type { KeyWork, Next, WorkerLog } from './worker.js';

export interface HostCycleDeps extends LookDeps {
  readonly observations: Observations;
  readonly fleet: Fleet;
  readonly hostWork: HostWork;
  readonly records: Pick<Records, 'container'>;
  readonly log: WorkerLog;
}

/** A host that is not up is looked at more often than one that is. */
const RETRY_MS = 3_000;

/**
 * The work on `host/<name>`: records what the host is, then compares all of ours on it with what Redis knows. Engine events are hints; this is the
 * truth that makes up for those that were missed. It touches only what was deleted; the rest is its container's own work.
 */
export function createHostCycle(deps: HostCycleDeps): KeyWork {
  return async ({ lease, signal }) => {
    const name = lease.key.slice('host/'.length);
    if (!deps.fleet.config(name)) return leaveUnconfigured(deps, lease, name);
    const seen = await deps.fleet.inspect(name, Date.now(), signal);
    const former = await recordOf(deps, name);
    const record = rememberInventory(seen, former);
    await deps.hostWork.saveHost(lease, record);
    if (record.state !== former?.state) {
      deps.log.info({ host: name, state: record.state, reason: record.message }, 'host state changed');
    }
    if (record.state !== 'UP') return { delayMs: RETRY_MS, clean: true };
    try {
      await sweep(deps, await deps.fleet.ready(name), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof EngineError)) throw error;
      deps.fleet.forget(name, error);
      deps.log.warn({ host: name, reason: error.message }, 'a host could not be compared with what is known');
      return { delayMs: RETRY_MS, clean: true };
    }
    return { delayMs: deps.observeIntervalMs, clean: true };
  };
}

/**
 * Which hosts there are is what the workers' configuration says: a record that outlived its entry would promise services room that nobody can use.
 * The key stays due, since beside a worker that is yet to be restarted the other one may be the first to take it.
 */
async function leaveUnconfigured(deps: HostCycleDeps, lease: Lease, name: string): Promise<Next> {
  if (await recordOf(deps, name)) {
    await deps.hostWork.removeHost(lease);
    deps.log.info({ host: name }, 'forgot a host that is not in the configuration any more');
  }
  return { delayMs: deps.observeIntervalMs, clean: true };
}

async function recordOf({ hostWork }: HostCycleDeps, name: string): Promise<HostRecord | undefined> {
  return (await hostWork.hosts()).find(({ host }) => host.name === name)?.host;
}

/** A host that does not answer keeps the inventory that it had: what it could run, it can run again. */
function rememberInventory(seen: HostRecord, former: HostRecord | undefined): HostRecord {
  if (seen.state === 'UP' || !former) return seen;
  const { gpus, foreignGpus, memory, cores, engineVersion } = former;
  return { ...seen, gpus, foreignGpus, memory, cores, engineVersion };
}

async function sweep(deps: HostCycleDeps, driver: EngineDriver, signal: AbortSignal): Promise<void> {
  const { host } = driver;
  const observation = await deps.observations.observe(host, signal);
  const leased = await deps.hostWork.containersOn(host);
  const looks = await deps.hostWork.look([...new Set([...leased, ...observation.keys()])]);
  signal.throwIfAborted();
  await Promise.all([...looks].map(([id, looked]) => lookAt(deps, id, looked, { host, observation })));
  for (const [id, instances] of observation) {
    for (const instance of instances) await sweepInstance(deps, driver, instance, looks.get(id) ?? 'UNKNOWN', signal);
  }
}

/**
 * What was deleted is removed, and so is a late create of an instance that its container has forgotten: nobody else would look for it here.
 * Both need no lease of the container: the engine was listed before Redis was read, a record precedes its create, and ids are never used again.
 */
async function sweepInstance(
  deps: HostCycleDeps,
  driver: EngineDriver,
  instance: ObservedInstance,
  looked: Looked,
  signal: AbortSignal,
): Promise<void> {
  const { name, state } = instance;
  const { containerId: container, instanceId } = instance.identity;
  const fields = { host: driver.host, container, instance: instanceId, name };
  if (looked === 'UNKNOWN') {
    deps.log.warn(fields, 'found an instance of a container that Redis does not know; it is left alone');
    return;
  }
  const forgotten = looked !== 'DELETED' && state === 'CREATED' && !(await isRecorded(deps, looked, instance));
  if (looked !== 'DELETED' && !forgotten) return;
  signal.throwIfAborted();
  await driver.remove(name, signal);
  deps.log.info(fields, 'removed what nobody wants any more');
}

async function isRecorded(
  { records }: HostCycleDeps,
  looked: Looked,
  { identity: { containerId, instanceId } }: ObservedInstance,
): Promise<boolean> {
  const record = typeof looked === 'object' ? looked.record : await records.container(containerId);
  return record?.state.instances.some((instance) => instance.id === instanceId) ?? false;
}
