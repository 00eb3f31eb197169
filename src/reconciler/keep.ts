import type { ContainerState } from '../domain/container-state.js';
import type { InstanceRecord, InstanceRole } from '../domain/instance.js';
import type { PlaceInstance } from './step.js';
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

/** Whether it served when its container was stopped: it is not made anew in its place, which would cost its files. */
export function isKept({ stopped }: ContainerState, instanceId: string): boolean {
  return stopped !== undefined && stopped.kept.includes(instanceId);
}

/** Whether its files are not to be lost: it is no surplus, however few are kept. */
export function isSpared(state: ContainerState, instanceId: string): boolean {
  return isKept(state, instanceId) || (state.spared?.includes(instanceId) ?? false);
}

/** SWITCH_REVISION of a Start: what it leaves behind is spared from then on, in the place of what an earlier one had left behind. */
export function sparedAfter({ instances, stopped, spared }: ContainerState): readonly string[] | undefined {
  const left = instances.filter(({ id, role }) => role !== 'CANDIDATE' && stopped?.kept.includes(id));
  return left.length === 0 ? spared : left.map(({ id }) => id);
}

/** What becomes of a candidate whose rollout has ended around it: what is kept is put back, from wherever it has come to. */
export function leftRole(state: ContainerState, candidateId: string): InstanceRole {
  return isKept(state, candidateId) ? 'DRAINING' : 'DISCARDED';
}

function isOutdated({ state, status }: ContainerView, instance: InstanceRecord): boolean {
  const others = state.instances.filter(({ id, role }) => role === 'DRAINING' && id !== instance.id);
  return (
    status === 'DELETING' ||
    state.stopped !== undefined ||
    others.some(({ changedAt }) => changedAt >= instance.changedAt)
  );
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

/** For the caller of a rollback or a start, which is to start what was kept: why it takes longer, and has other files. */
export function madeAnew({ state, running, unobserved }: ContainerView, step: PlaceInstance): string {
  if (running?.kind === 'DEPLOY') return '';
  const kept = state.instances.find(({ id }) => isKept(state, id));
  const files =
    kept &&
    `, without the files of instance ${kept.id}, which stays on ${kept.host} until another revision is switched to`;
  const because = (why: string) => `the instance was created anew${files ?? ''}: ${why}`;
  if (step.retainedInstanceId !== null) return because('the devices or port of the kept one are not free');
  if (kept !== undefined && unobserved.has(kept.host))
    return because(`host ${kept.host}, where one is kept, cannot be reached`);
  if (kept?.failed != null) return because(`the kept one cannot be started: ${kept.failed}`);
  return because('none was kept that can be started');
}
