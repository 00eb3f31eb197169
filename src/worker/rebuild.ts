import { isActive } from '../domain/observed-instance.js';
import { EngineError, type ObservedInstance } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Observations } from '../fleet/observations.js';
import { isLost } from '../fleet/quarantine.js';
import type { HostedInstance } from '../reconciler/view.js';
import type { HostWork, Lease, Looked, RebuildOutcome, RedisMemory } from '../store/work.js';
import type { Observation } from './observe.js';
import type { Probe } from './probe.js';
import { latestFirst, onePerInstance, type Recalled, rebuiltOf, recall } from './rebuilt.js';
import { transitionOf } from './transition-fields.js';
import type { WorkerLog } from './worker.js';

export interface RebuildDeps {
  readonly fleet: Pick<Fleet, 'names' | 'ready'>;
  readonly observations: Pick<Observations, 'recent'>;
  readonly hostWork: Pick<HostWork, 'remembered' | 'rebuild'>;
  readonly probe: Probe;
  readonly log: WorkerLog;
  /** So old may be what other hosts showed. */
  readonly observeIntervalMs: number;
}

/** The look at a host under whose lease records are rebuilt. */
export interface RebuildLook {
  readonly host: string;
  readonly lease: Lease;
  readonly memory: RedisMemory;
  /** Redis time. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** UNNEEDED: Redis knows what it is to know. Else why it could not be rebuilt, for people. */
export type Rebuilding = 'UNNEEDED' | 'REBUILT' | { readonly reason: string };

const UNNEEDED = 'UNNEEDED';

/**
 * Makes the records of a container again that Redis has lost, or of which it has only an older state, from what the engines run of it. Nothing is done to any
 * Docker container, and nothing is rebuilt that cannot be told exactly: that is left running, with the reason.
 */
export async function rebuild(
  deps: RebuildDeps,
  look: RebuildLook,
  containerId: string,
  here: readonly ObservedInstance[],
  looked: Looked,
): Promise<Rebuilding> {
  const generation = Math.max(...here.map(({ identity }) => identity.generation));
  if (!mayBeForgotten(looked, generation, here, look)) return UNNEEDED;
  const known = looked === 'UNKNOWN' ? null : await deps.hostWork.remembered(containerId);
  if (looked !== 'UNKNOWN' && (known === null || known.record.state.generation >= generation)) return UNNEEDED;
  if (known?.record.status === 'DELETING') return { reason: 'its container is being deleted' };

  const { observed, unobserved } = await everywhere(deps, look, containerId, here);
  const running = latestFirst(onePerInstance(observed).filter(({ state }) => isActive(state)));
  const [latest] = running;
  if (latest === undefined) return { reason: restingText(here) };
  const recalled = await recallAll(deps, observed, look.signal);
  const first = recalled.get(latest.identity.instanceId);
  if (first === undefined || typeof first === 'string') {
    return { reason: first ?? 'it went while it was looked at' };
  }
  const all = [...recalled.values()].filter((one) => typeof one !== 'string');
  const candidates = running.flatMap(({ identity }) => all.filter((one) => one.observed.identity === identity));
  const serving = candidates.length > 1 ? await healthiest(deps, candidates, first, look.signal) : first;
  const others = all.filter((one) => one !== serving);
  look.signal.throwIfAborted();
  const { now } = look;
  const remains = { containerId, known, serving, others, observed, unobserved: new Set(unobserved.keys()), now };
  const outcome = await deps.hostWork.rebuild(look.lease, rebuiltOf(remains));
  return told(deps, look.lease, outcome, serving, known !== null);
}

/** A cheap look first: this is asked of every container at every look at its host. */
function mayBeForgotten(
  looked: Looked,
  generation: number,
  here: readonly ObservedInstance[],
  { memory, lease }: RebuildLook,
): boolean {
  switch (looked) {
    case 'UNKNOWN':
      return here.some(({ fence }) => isLost(fence, { ...memory, fence: lease.fence }));
    case 'DELETED':
    case 'BUSY':
      return false;
    case 'UNCLEAN':
      return true;
    default:
      return generation > looked.record.state.generation;
  }
}

function restingText(here: readonly ObservedInstance[]): string {
  const [name = ''] = here.map((one) => one.name);
  return `no Docker container of its container runs, so that nobody can tell what is wanted: one that is started by hand (docker start ${name}) is rebuilt`;
}

/** On a host that does not answer there may be one that took over later: then it is newer than what is rebuilt now, and it is rebuilt when it is seen. */
async function everywhere(
  { fleet, observations, observeIntervalMs }: RebuildDeps,
  { host: own, signal }: RebuildLook,
  containerId: string,
  here: readonly ObservedInstance[],
): Promise<Observation> {
  const observed: HostedInstance[] = here.map((one) => ({ ...one, host: own }));
  const unobserved = new Map<string, string>();
  for (const host of fleet.names.filter((name) => name !== own)) {
    try {
      const found = await observations.recent(host, observeIntervalMs);
      observed.push(...(found.get(containerId) ?? []).map((one) => ({ ...one, host })));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      unobserved.set(host, error.message);
    }
    signal.throwIfAborted();
  }
  return { observed, unobserved };
}

/** By instance. What never ran is nobody's loss, and what is being removed is gone. */
async function recallAll(
  { fleet }: RebuildDeps,
  observed: readonly HostedInstance[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Recalled | string>> {
  const recalled = new Map<string, Recalled | string>();
  for (const one of onePerInstance(observed)) {
    if (!isActive(one.state) && one.state !== 'EXITED') continue;
    const { instanceId } = one.identity;
    try {
      const driver = await fleet.ready(one.host);
      const makings = await driver.makings(one.name, signal);
      if (makings !== null) recalled.set(instanceId, recall(one, makings));
    } catch (error) {
      // Another host's silence says nothing of the one that is looked at.
      if (!(error instanceof EngineError)) throw error;
      recalled.set(instanceId, `${one.host} did not tell what it was made with: ${error.message}`);
    }
    signal.throwIfAborted();
  }
  return recalled;
}

/**
 * Redis was lost in the middle of a rollout: the one that took over last is what its deploy switched to if it is healthy, and if it is not, the former one
 * still served.
 */
async function healthiest(
  { probe }: RebuildDeps,
  candidates: readonly Recalled[],
  otherwise: Recalled,
  signal: AbortSignal,
): Promise<Recalled> {
  for (const one of candidates) if (await isHealthy(probe, one, signal)) return one;
  return otherwise;
}

async function isHealthy(probe: Probe, { observed, memo, spec }: Recalled, signal: AbortSignal): Promise<boolean> {
  const { healthCheck, runtime } = spec;
  const own = healthCheck?.probe ?? null;
  if (own === null && observed.health !== null) return observed.health === 'HEALTHY';
  if (runtime === 'PROCESS' || observed.port === null) return true;
  const target = { address: memo.address, port: observed.port, timeoutMs: healthCheck?.timeoutMs ?? 2_000 };
  return (await probe({ ...target, probe: own ?? { kind: 'HTTP', path: '/' } }, signal)) === null;
}

function told(
  { log }: RebuildDeps,
  lease: Lease,
  outcome: RebuildOutcome,
  { observed }: Recalled,
  known: boolean,
): Rebuilding {
  const { containerId: container, instanceId: instance, revisionId: revision } = observed.identity;
  switch (outcome.kind) {
    case 'REBUILT': {
      const { host, name } = observed;
      const fields = { ...transitionOf(lease, { container, revision, instance, host }), name };
      const what = known ? 'brought the records of a container up to' : 'rebuilt the records of a container from';
      log.warn(fields, `${what} what its host runs, since Redis has lost them`);
      return 'REBUILT';
    }
    case 'CHANGED':
      return { reason: 'its container was worked on meanwhile' };
    case 'DELETED':
      return { reason: 'its container was deleted' };
    case 'NAME_TAKEN':
      return {
        reason: `the name of its container is taken by container ${outcome.containerId}: rename or delete that one`,
      };
    case 'DEVICE_TAKEN': {
      const { device, instanceId, containerId } = outcome;
      return {
        reason: `${device} on ${observed.host} is leased to instance ${instanceId} of container ${containerId}: if that one is over, delete it`,
      };
    }
  }
}
