import type { ContainerState } from '../domain/container-state.js';
import type { InstanceRecord } from '../domain/instance.js';
import type { ContainerView } from './view.js';

/** How soon a kept instance with GPUs learns that somebody waits for them. */
const GIVE_WAY_POLL_MS = 5_000;

/**
 * A former instance that has finished its requests may stay up for a while, so that a rollback to it is a mere switch. Returns when to look at
 * it again; null: it is to stop now.
 *
 * Only the last one that served: each takes memory of its host. Only one that serves requests: a worker process would go on working beside its
 * successor. And one with GPUs gives way, to the next rollout of its container, which would else have to stop the serving instance
 * for want of them, and to any container that waits for room.
 */
export function keptUntil(view: ContainerView, instance: InstanceRecord): number | null {
  const { port, gpuUuids, changedAt } = instance;
  const until = changedAt + view.policy.keepDrainingMs;
  if (port === null || view.now >= until || isOutdated(view, instance)) return null;
  if (gpuUuids.length === 0) return until;
  return isInTheWay(view) ? null : Math.min(until, view.now + GIVE_WAY_POLL_MS);
}

/** Those that did not fail before those that did, the newest first. */
export function bestFirst(instances: readonly InstanceRecord[]): readonly InstanceRecord[] {
  const ill = ({ failed }: InstanceRecord) => Number(failed !== null);
  return [...instances].sort((one, other) => ill(one) - ill(other) || other.changedAt - one.changedAt);
}

/** Of a stopped container, what the next Start starts if it can: with its files, so that it is no surplus however few are kept. */
export function keptForStart({ stopped, activeRevisionId, instances }: ContainerState): InstanceRecord | undefined {
  if (!stopped) return undefined;
  return bestFirst(instances.filter((one) => one.role === 'RETAINED' && one.revisionId === activeRevisionId))[0];
}

function isOutdated({ state, status }: ContainerView, instance: InstanceRecord): boolean {
  const others = state.instances.filter(({ id, role }) => role === 'DRAINING' && id !== instance.id);
  return status === 'DELETING' || state.stopped || others.some(({ changedAt }) => changedAt >= instance.changedAt);
}

function isInTheWay({ state: { rollout }, capacityWanted }: ContainerView): boolean {
  return capacityWanted || (rollout !== null && rollout.switchedVersion === null);
}

/** The instances that are up for no other reason, as far as they hold GPUs that a rollout may need. */
export function keptWithGpus({ state, now, policy }: ContainerView): readonly InstanceRecord[] {
  return state.instances.filter(
    ({ role, leased, gpuUuids, changedAt }) =>
      role === 'DRAINING' && leased && gpuUuids.length > 0 && now < changedAt + policy.keepDrainingMs,
  );
}
