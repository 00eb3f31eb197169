import type { HostRecord, Orphan } from '../domain/host.js';
import { EngineError } from '../engine/driver.js';
import type { Fleet, Inspection, Inventory } from '../fleet/fleet.js';
import type { HostConfig } from '../fleet/host-config.js';
import { type HostLook, type HostPolicy, standingAfter } from '../fleet/host-state.js';
import type { ImagePolicy } from '../fleet/image-collection.js';
import { type Quarantine, quarantine } from '../fleet/quarantine.js';
import type { HostWork, Lease, LoadedHost } from '../store/work.js';
import { createImageCollector } from './collect-images.js';
import type { Probe } from './probe.js';
import { rebuild } from './rebuild.js';
import { createRests } from './rests.js';
import { type Rebuilder, type SweepDeps, type Swept, sweep } from './sweep.js';
import { transitionOf } from './transition-fields.js';
import type { KeyWork, Next } from './worker.js';

export interface HostCycleDeps extends Omit<SweepDeps, 'rests' | 'lease'> {
  readonly controlPlaneId: string;
  readonly fleet: Fleet;
  readonly hostWork: HostWork;
  readonly hostPolicy: HostPolicy;
  readonly probe: Probe;
  /** For how long an orphan is left running. */
  readonly quarantineMs: number;
  readonly imagePolicy: ImagePolicy;
  /** Milliseconds that only go forward; the process's own by default. */
  readonly clock?: () => number;
}

/** A silent host is looked at less and less often, and a lost one seldom: its event stream tells sooner that it is back. */
const SILENT_MS = { first: 1_000, last: 15_000, lost: 20_000 };
const RETURNING_MS = 1_000;
/** In one look: the stop of each may take its grace. */
const MOST_REMOVALS = 3;
const STOP_GRACE_SECONDS = 10;
const REFUSED_MS = 3_000;

/**
 * The work on `host/<name>`: looks at the host, compares all of ours on it with what Redis knows, and records what it is then. Engine events are
 * hints; this is the truth that makes up for those that were missed.
 */
export function createHostCycle(deps: HostCycleDeps): KeyWork {
  const clock = deps.clock ?? (() => performance.now());
  const began = clock();
  const rests = createRests(clock);
  const collect = createImageCollector({ ...deps, policy: deps.imagePolicy, clock });
  return async ({ lease, signal }) => {
    const name = lease.key.slice('host/'.length);
    const readAt = clock();
    const loaded = await deps.hostWork.loadHost(lease, deps.controlPlaneId);
    const config = deps.fleet.config(name);
    if (!config) return leaveUnconfigured(deps, lease, loaded, name);
    const redisNow = () => loaded.now + Math.floor(clock() - readAt);
    const rebuilder: Rebuilder = (id, here, looked) =>
      rebuild(deps, { host: name, lease, memory: loaded.memory, now: redisNow(), signal }, id, here, looked);
    const { look, seen } = await lookAtHost({ ...deps, rests, lease }, name, rebuilder, signal);
    const now = redisNow();
    const watchedSince = now - Math.floor(clock() - began);
    const standing = standingAfter(loaded.host, look, { now, watchedSince }, deps.hostPolicy);
    const isolated =
      seen &&
      quarantine(seen.orphans, loaded.host?.orphans ?? [], loaded.host?.lookedAt ?? now, {
        ...loaded.memory,
        fence: lease.fence,
        now,
        quarantineMs: deps.quarantineMs,
        reasons: seen.reasons,
      });
    const known =
      seen && isolated
        ? {
            ...{ ...seen.inventory, observedAt: now, orphans: isolated.orphans },
            replicationId: loaded.memory.replicationId,
          }
        : knownOf(loaded.host);
    const record = { ...placeOf(config), ...known, ...standing };
    await deps.hostWork.saveHost(lease, record);
    tell(deps, lease, loaded.host, record);
    if (isolated) {
      await deal(deps, lease, isolated, name, signal);
      await collect(lease, name, now, signal);
    }
    if (record.state === 'LOST' && loaded.host?.state !== 'LOST') await wakeContainers(deps, name);
    return { delayMs: delayAfter(record, deps), clean: true };
  };
}

interface Looked {
  readonly look: HostLook;
  /** Null: it did not tell. */
  readonly seen: ({ readonly inventory: Inventory } & Pick<Swept, 'orphans' | 'reasons'>) | null;
}

/** A host whose containers cannot be listed has not answered: nothing is placed beside what nobody has seen. */
async function lookAtHost(
  deps: HostCycleDeps & Pick<SweepDeps, 'rests' | 'lease'>,
  name: string,
  rebuilder: Rebuilder,
  signal: AbortSignal,
): Promise<Looked> {
  const inspection: Inspection = await deps.fleet.inspect(name, signal);
  signal.throwIfAborted();
  if (inspection.kind !== 'ANSWERED') return { look: inspection, seen: null };
  try {
    const { unclean, orphans, reasons, strayGpus } = await sweep(deps, await deps.fleet.ready(name), rebuilder, signal);
    const foreignGpus = [...new Set([...inspection.inventory.foreignGpus, ...strayGpus])];
    const seen = { inventory: { ...inspection.inventory, foreignGpus }, orphans, reasons };
    return { look: { kind: 'ANSWERED', unclean }, seen };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    deps.fleet.forget(name, error);
    deps.log.warn(
      { ...transitionOf(deps.lease, { host: name }), reason: error.message },
      'a host could not be compared with what is known',
    );
    const silent = error.kind === 'UNREACHABLE' || error.kind === 'UNKNOWN_OUTCOME';
    return { look: { kind: silent ? 'SILENT' : 'UNFIT', reason: error.message }, seen: null };
  }
}

function placeOf({ name, address, labels, ports }: HostConfig) {
  return { name, address, labels, ports };
}

/** A host that does not answer keeps the inventory that it had: what it could run, it can run again. */
function knownOf(former: HostRecord | null): Inventory & Pick<HostRecord, 'observedAt' | 'orphans' | 'replicationId'> {
  if (!former) return { gpus: [], foreignGpus: [], memory: 0, cores: 0, engineVersion: '', observedAt: 0, orphans: [] };
  const { gpus, foreignGpus, memory, cores, engineVersion, observedAt, orphans, replicationId } = former;
  return { gpus, foreignGpus, memory, cores, engineVersion, observedAt, orphans, replicationId };
}

/** Orphans that are new are told once; those whose time is over are removed, after the write that proved the lease. */
async function deal(
  deps: HostCycleDeps,
  lease: Lease,
  { fresh, due }: Quarantine,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const fieldsOf = ({ name, containerId: container, instanceId: instance }: Orphan) => ({
    ...transitionOf(lease, { container, instance, host }),
    name,
  });
  for (const orphan of fresh) {
    const fields = { ...fieldsOf(orphan), ...(orphan.kept && { reason: orphan.kept }) };
    deps.log.warn(fields, 'found a container of ours that Redis knows nothing of; it is left running, in quarantine');
  }
  for (const orphan of due.slice(0, MOST_REMOVALS)) {
    try {
      const driver = await deps.fleet.ready(host);
      signal.throwIfAborted();
      await driver.stop(orphan.name, STOP_GRACE_SECONDS, signal);
      signal.throwIfAborted();
      await driver.remove(orphan.name, signal);
      deps.log.warn(fieldsOf(orphan), 'removed a container of ours that nobody missed during its quarantine');
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof EngineError)) throw error;
      deps.log.warn({ ...fieldsOf(orphan), reason: error.message }, 'could not remove an orphan');
    }
  }
}

function tell({ log }: HostCycleDeps, lease: Lease, former: HostRecord | null, now: HostRecord): void {
  const { name: host, state, message } = now;
  if (state === former?.state) return;
  const fields = { ...transitionOf(lease, { host }), state, from: former?.state ?? 'UNKNOWN', reason: message };
  if (state === 'LOST') log.error(fields, 'host state changed');
  else log.info(fields, 'host state changed');
}

/** What they wait for has become something else. Should this be cut short, they look by themselves a little later. */
async function wakeContainers({ hostWork, queue }: HostCycleDeps, name: string): Promise<void> {
  const ids = await hostWork.containersOn(name);
  await Promise.all(ids.map((id) => queue.enqueue(`container/${id}`, 0)));
}

function delayAfter({ state, missedLooks }: HostRecord, { observeIntervalMs }: HostCycleDeps): number {
  if (state === 'LOST') return SILENT_MS.lost;
  if (missedLooks > 0) return Math.min(SILENT_MS.first * 2 ** Math.min(missedLooks - 1, 10), SILENT_MS.last);
  switch (state) {
    case 'RETURNING':
      return RETURNING_MS;
    case 'REFUSED':
      return REFUSED_MS;
    default:
      return observeIntervalMs;
  }
}

/**
 * Which hosts there are is what the workers' configuration says: a record that outlived its entry would promise services room that nobody can use.
 * The key stays due, since beside a worker that is yet to be restarted the other one may be the first to take it.
 */
async function leaveUnconfigured(deps: HostCycleDeps, lease: Lease, { host }: LoadedHost, name: string): Promise<Next> {
  if (host !== null) {
    await deps.hostWork.removeHost(lease);
    deps.log.info(transitionOf(lease, { host: name }), 'forgot a host that is not in the configuration any more');
  }
  return { delayMs: deps.observeIntervalMs, clean: true };
}
