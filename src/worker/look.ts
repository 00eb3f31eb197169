import { EngineError } from '../engine/driver.js';
import type { HostObservation, Observations } from '../fleet/observations.js';
import { plan } from '../reconciler/plan.js';
import type { HostedInstance, ReconcilePolicy } from '../reconciler/view.js';
import type { HostWork, Looked, LookedContainer, WorkQueue } from '../store/work.js';
import { viewOf } from './container-view.js';
import { lostAmong } from './lost-hosts.js';
import type { Observation } from './observe.js';
import { isSeenSo, type Rest } from './rests.js';

export interface LookDeps {
  readonly observations: Pick<Observations, 'recent'>;
  readonly queue: Pick<WorkQueue, 'enqueue'>;
  readonly hostWork: Pick<HostWork, 'hosts'>;
  readonly policy: ReconcilePolicy;
  /** Between two full observations of a host; so old may be what another host showed. */
  readonly observeIntervalMs: number;
}

/** Nobody's: a look changes nothing, and names nothing. */
const NO_LEASE = { fence: 0, unclean: false };

/** The look at a host of which its containers are judged. */
export interface HostSeen {
  readonly host: string;
  readonly observation: HostObservation;
}

/**
 * Makes a container due that needs something, and leaves the others alone, which are nearly all: it plans on what was just seen of a whole host, without
 * a lease, and does nothing of it. A false alarm, where something changed meanwhile, costs one look under the lease; and what it misses so is the
 * business of whoever changed it. Resolves with what the container rests on, if it does.
 */
export async function lookAt(
  deps: LookDeps,
  containerId: string,
  looked: Looked,
  seen: HostSeen,
): Promise<Rest | null> {
  if (looked === 'UNKNOWN' || looked === 'DELETED' || looked === 'BUSY') return null;
  const need = looked === 'UNCLEAN' ? AT_ONCE : await needOf(deps, looked, seen).catch(() => AT_ONCE);
  if (need.delayMs !== null) await deps.queue.enqueue(`container/${containerId}`, need.delayMs);
  return need.rest ?? null;
}

/** What it rests on as it is seen now, if that is what it was; it is for Redis to say whether its records are, too. */
export async function restsOn(deps: LookDeps, containerId: string, rest: Rest, seen: HostSeen): Promise<Rest | null> {
  const { observed, unobserved } = await observationOf(deps, containerId, rest.others, seen);
  if (unobserved.size > 0 || !isSeenSo(rest, observed)) return null;
  // Equal, but of the present listing, so that the former one is not kept for it.
  return { ...rest, observed };
}

/** `delayMs`: null: nothing has to be done. */
interface Need {
  readonly delayMs: number | null;
  readonly rest?: Rest | null;
}

/** Also after a fault: what fails here fails in the container's own work too, where it counts against the container and not against the host. */
const AT_ONCE: Need = { delayMs: 0 };

async function needOf(deps: LookDeps, loaded: LookedContainer, seen: HostSeen): Promise<Need> {
  const { record, mark, now } = loaded;
  const others = othersOf(loaded, seen.host);
  const { observed, unobserved } = await observationOf(deps, record.id, others, seen);
  const lost = await lostAmong(unobserved, deps.hostWork);
  const step = plan(viewOf(loaded, { observed, unobserved, lost }, NO_LEASE, deps.policy));
  if (step.kind !== 'WAIT') return AT_ONCE;
  if (step.until !== null) return { delayMs: Math.max(step.until - now, 0) };
  return { delayMs: null, rest: mark === undefined || unobserved.size > 0 ? null : { mark, observed, others } };
}

const NO_OTHERS: readonly string[] = [];

function othersOf({ record: { state } }: LookedContainer, here: string): readonly string[] {
  // Nearly all are there, since most containers have one instance.
  if (state.instances.every(({ host }) => host === here)) return NO_OTHERS;
  return [...new Set(state.instances.map(({ host }) => host).filter((host) => host !== here))];
}

const NONE: ReadonlyMap<string, string> = new Map();

async function observationOf(
  { observations, observeIntervalMs }: LookDeps,
  containerId: string,
  others: readonly string[],
  { host: here, observation }: HostSeen,
): Promise<Observation> {
  const found = (on: HostObservation, host: string): HostedInstance[] =>
    (on.get(containerId) ?? []).map((instance) => ({ ...instance, host }));
  const observed = found(observation, here);
  if (others.length === 0) return { observed, unobserved: NONE };
  const unobserved = new Map<string, string>();
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
