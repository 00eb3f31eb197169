import { EngineError } from '../engine/driver.js';
import type { HostObservation, Observations } from '../fleet/observations.js';
import { plan } from '../reconciler/plan.js';
import type { HostedInstance, ReconcilePolicy } from '../reconciler/view.js';
import type { HostWork, LoadedContainer, Looked, WorkQueue } from '../store/work.js';
import { viewOf } from './container-view.js';
import { lostAmong } from './lost-hosts.js';
import type { Observation } from './observe.js';

export interface LookDeps {
  readonly observations: Pick<Observations, 'recent'>;
  readonly queue: Pick<WorkQueue, 'enqueue'>;
  readonly hostWork: Pick<HostWork, 'hosts'>;
  readonly policy: ReconcilePolicy;
  /** Between two full observations of a host; so old may be what another host showed. */
  readonly observeIntervalMs: number;
}

/** What fails here fails in the container's own work too, where it counts against the container and not against the host. */
const OF_ITS_OWN = 0;

/** Nobody's: a look changes nothing, and names nothing. */
const NO_LEASE = { fence: 0, unclean: false };

/**
 * Makes a container due that needs something, and leaves the others alone, which are nearly all: it plans on what was just seen of a whole host, without
 * a lease, and does nothing of it. A false alarm, where something changed meanwhile, costs one look under the lease; and what it misses so is the
 * business of whoever changed it.
 */
export async function lookAt(
  deps: LookDeps,
  containerId: string,
  looked: Looked,
  seen: { readonly host: string; readonly observation: HostObservation },
): Promise<void> {
  if (looked === 'UNKNOWN' || looked === 'DELETED' || looked === 'BUSY') return;
  const delayMs = looked === 'UNCLEAN' ? 0 : await dueIn(deps, looked, seen).catch(() => OF_ITS_OWN);
  if (delayMs !== null) await deps.queue.enqueue(`container/${containerId}`, delayMs);
}

/** Null: nothing has to be done. */
async function dueIn(
  deps: LookDeps,
  loaded: LoadedContainer,
  seen: Parameters<typeof lookAt>[3],
): Promise<number | null> {
  const observation = await observationOf(deps, loaded, seen);
  const lost = await lostAmong(observation.unobserved, deps.hostWork);
  const step = plan(viewOf(loaded, { ...observation, lost }, NO_LEASE, deps.policy));
  if (step.kind !== 'WAIT') return 0;
  return step.until === null ? null : Math.max(step.until - loaded.now, 0);
}

const NONE: ReadonlyMap<string, string> = new Map();

async function observationOf(
  { observations, observeIntervalMs }: LookDeps,
  { record }: LoadedContainer,
  { host: here, observation }: Parameters<typeof lookAt>[3],
): Promise<Observation> {
  const found = (on: HostObservation, host: string): HostedInstance[] =>
    (on.get(record.id) ?? []).map((instance) => ({ ...instance, host }));
  const observed = found(observation, here);
  // Nearly all are, since most containers have one instance.
  if (record.state.instances.every(({ host }) => host === here)) return { observed, unobserved: NONE };
  const unobserved = new Map<string, string>();
  const others = new Set(record.state.instances.map(({ host }) => host).filter((host) => host !== here));
  for (const host of others) {
    try {
      observed.push(...found(await observations.recent(host, observeIntervalMs), host));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      unobserved.set(host, error.message);
    }
  }
  return { observed, unobserved };
}
