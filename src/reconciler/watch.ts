import type { ContainerState, Rollout, Watch } from '../domain/container-state.js';
import type { InstanceRecord } from '../domain/instance.js';
import { isUnknown, paced } from './presence.js';
import type { Step } from './step.js';
import type { ContainerView } from './view.js';

/** How often an instance is asked again that is watched and was healthy: an exit is heard of anyway. */
const CHECK_MS = 15_000;
/** So many health checks have to fail at least: a time in which nobody asked is no verdict. */
const FEWEST_FAILURES = 3;

/*
 * A deployed revision is watched for a while after its switch. If it dies, the container goes back to the last stable revision, once, by an
 * operation of its own; if it lives through, it is the stable one from then on. All that the watch depends on is in the records, its
 * beginning and a death included, so that it outlives the worker.
 */

/** The watch over a revision that was switched to at `now`; null where none is wanted. */
function watchFrom(revisionId: string, now: number, windowMs: number): Watch | null {
  return windowMs === 0 ? null : { revisionId, since: now, mayRevert: true, death: null };
}

/** SWITCH_REVISION: what is watched from here on, and what is stable. */
export function watchAfter(
  { watch, stableRevisionId }: ContainerState,
  { kind, revisionId, formerRevisionId }: Pick<Rollout, 'kind' | 'revisionId' | 'formerRevisionId'>,
  now: number,
  windowMs: number,
): Pick<ContainerState, 'watch' | 'stableRevisionId'> {
  switch (kind) {
    case 'DEPLOY': {
      const next = watchFrom(revisionId, now, windowMs);
      if (next === null) return { watch: null, stableRevisionId: revisionId };
      // What was not watched any more has proved itself.
      return {
        watch: next,
        stableRevisionId: watch === null ? (formerRevisionId ?? stableRevisionId) : stableRevisionId,
      };
    }
    // It has served before, and somebody prefers it to all that came after it.
    case 'ROLLBACK':
      return { watch: null, stableRevisionId: revisionId };
    // What was watched when it was stopped has to live through the whole time anew.
    case 'START':
      return { watch: watch && { ...watch, since: now, death: null }, stableRevisionId };
  }
}

/** The end of a watched revision that has died. Null: it has not, or this is no time to go back, or there is nothing to go back to. */
export function planRevert(view: ContainerView): Step | null {
  const { state, running, revisions, policy } = view;
  const { watch, stableRevisionId } = state;
  if (watch === null || stableRevisionId === null || !canRevert(state) || !revisions.has(stableRevisionId)) return null;
  if (running !== null || state.stopped || policy.watchWindowMs === 0) return null;
  // An instance that went with its host says nothing of its revision.
  const instance = watched(state).find((one) => !isUnknown(view, one) && !view.gone.has(one.host));
  const reason = watch.death ?? (instance === undefined ? null : illness(view, instance));
  if (reason === null) return null;
  return { kind: 'REVERT', revisionId: stableRevisionId, reason, logsOf: instance?.id ?? null };
}

/** When an instance that was found healthy is asked again, because it is watched. Null: not at all. */
export function checkAgain(view: ContainerView, instance: InstanceRecord): Step | null {
  const { state, now, policy } = view;
  const { watch } = state;
  if (watch?.revisionId !== instance.revisionId || instance.healthyAt === null) return null;
  const end = watch.since + policy.watchWindowMs;
  const last = Math.max(instance.healthyAt, watch.since);
  // One that was held meanwhile may have been found healthy late enough when that was no proof yet.
  if (instance.healthyAt >= end && provenIf(state, policy.watchWindowMs) === state) return null;
  const due = instance.fault === null ? Math.min(last + CHECK_MS, end) : now;
  if (now < due) return { kind: 'WAIT', until: due, reason: 'the active revision is watched' };
  return paced(view, instance, { kind: 'PROBE_INSTANCE', instanceId: instance.id });
}

/** An instance was found healthy: what was watched so until the end is the stable revision from here on. */
export function provenIf(state: ContainerState, windowMs: number): ContainerState {
  const { watch } = state;
  if (watch === null || isDue(state)) return state;
  const instances = watched(state);
  const end = watch.since + windowMs;
  if (instances.length === 0 || instances.some(({ healthyAt }) => healthyAt === null || healthyAt < end)) return state;
  return { ...state, stableRevisionId: watch.revisionId, watch: null };
}

/** An instance of this revision died. What may not go back any more has to live through the whole time anew. */
export function died({ watch }: ContainerState, revisionId: string, reason: string, now: number): Watch | null {
  if (watch?.revisionId !== revisionId) return watch;
  const seconds = Math.round((now - watch.since) / 1000);
  return { ...watch, since: now, death: watch.death ?? `${reason}, ${seconds} s after it began to serve` };
}

/** REVERT, with the script that queues its operation: the watch goes on, in case the container cannot go back, but it is not tried twice. */
export function reverting(state: ContainerState, now: number): ContainerState {
  const { watch } = state;
  return watch === null ? state : { ...state, watch: { ...watch, since: now, mayRevert: false, death: null } };
}

const watched = ({ watch, instances }: ContainerState): readonly InstanceRecord[] =>
  instances.filter(({ role, revisionId }) => role === 'SERVING' && revisionId === watch?.revisionId);

const canRevert = ({ watch, stableRevisionId }: ContainerState): boolean =>
  watch !== null && watch.mayRevert && stableRevisionId !== null && stableRevisionId !== watch.revisionId;

/** It died, and going back only waits for its time. */
const isDue = (state: ContainerState): boolean => canRevert(state) && state.watch?.death != null;

/** It runs, and has failed its health checks for longer than passing faults last. */
function illness({ revisions, policy }: ContainerView, instance: InstanceRecord): string | null {
  const { fault, host, healthyAt, revisionId } = instance;
  if (fault?.step !== 'PROBE_INSTANCE' || fault.count < FEWEST_FAILURES) return null;
  const deadline = revisions.get(revisionId)?.spec.healthCheck?.deadlineMs ?? policy.healthDeadlineMs;
  // One that was started again has the time of a start once more.
  const allowed = healthyAt === null ? Math.max(deadline, policy.retryBudgetMs) : policy.retryBudgetMs;
  const failedFor = fault.retryAt - fault.firstAt;
  if (failedFor <= allowed) return null;
  return `the instance on ${host} was not healthy for ${Math.round(failedFor / 1000)} s on end; last: ${fault.message}`;
}
