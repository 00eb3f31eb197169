import type { Rollout } from '../domain/container-state.js';
import type { Failure } from '../domain/errors.js';
import type { InstanceRecord } from '../domain/instance.js';
import { isRevert, type Operation } from '../domain/operation.js';
import type { Advance } from './advance.js';
import { isConfirmedDown } from './bring-down.js';
import { beyondStart, bringUp } from './bring-up.js';
import { cancelled, noCapacity, revisionGone } from './failures.js';
import { allApplied } from './ingress-acks.js';
import { isKept, keptWithGpus } from './keep.js';
import { isUnknown, isUp, observedOf, POLL_MS } from './presence.js';
import { drain } from './steady.js';
import { complete, type Step, type Wait } from './step.js';
import { planHandOver } from './stop-first.js';
import { planUndo } from './undo.js';
import type { ContainerView } from './view.js';

/** An ingress that lives applies a route within milliseconds. */
const SOON_APPLIED_MS = 300;

/** The next step of a deploy, rollback or start. WAIT: it can only wait. */
export function planRollout(view: ContainerView, running: Operation, rollout: Rollout): Step {
  if (rollout.switchedVersion !== null) return finish(view, running, rollout.switchedVersion);
  if (rollout.failure !== null) return planUndo(view, running, rollout, rollout.failure);
  if (view.deleteRequested) return undo(cancelled(running, 'because its container is being deleted'));
  if (running.cancelRequested) return undo(cancelled(running, 'on request'));
  if (rollout.kind !== 'START' && rollout.revisionId === view.state.activeRevisionId) return complete(running, null);
  if (!view.revisions.has(rollout.revisionId)) return undo(revisionGone(rollout.revisionId));
  const candidate = view.state.instances.find((instance) => instance.role === 'CANDIDATE');
  // Whoever waits has taken the matter in hand; a revert that has begun is over sooner than it is undone.
  const superseded = candidate === undefined && isRevert(running) && view.queued !== null;
  if (superseded) return undo(cancelled(running, 'because another one waits'));
  if (candidate === undefined) {
    return recall(view, rollout) ?? makeRoom(view) ?? awaitKept(view, rollout) ?? placeCandidate(view, rollout);
  }
  const aside = setAside(view, candidate);
  if (aside !== null) return aside;
  if (!candidate.leased) return settle(planHandOver(view, candidate, rollout), candidate);
  return settle(bringUp(view, candidate, rollout.startedAt), candidate);
}

function settle(advance: Advance, candidate: InstanceRecord): Step {
  switch (advance.kind) {
    case 'STEP':
      return advance.step;
    case 'FAILED':
      return undo(advance.failure, advance.logsOf);
    case 'DONE':
      return { kind: 'SWITCH_REVISION', instanceId: candidate.id };
  }
}

/** Requests may still go to the former instance until each live ingress says otherwise, and the caller takes done to mean the new one. */
function finish(view: ContainerView, running: Operation, version: number): Step {
  if (allApplied(view, version)) return complete(running, null);
  const switchedAt = Math.max(...view.state.instances.map(({ changedAt }) => changedAt));
  const soon = switchedAt + SOON_APPLIED_MS;
  const until = view.now < soon ? soon : view.now + POLL_MS;
  return { kind: 'WAIT', until, reason: 'an ingress has yet to apply the new route', elsewhere: true };
}

function placeCandidate(view: ContainerView, rollout: Rollout): Step {
  const { blocked } = rollout;
  const { placeTimeoutMs } = view.policy;
  const deadline = rollout.startedAt + placeTimeoutMs;
  if (blocked !== null) {
    if (view.now >= deadline) return undo(noCapacity(placeTimeoutMs, blocked.message));
    if (view.now < blocked.retryAt && view.capacityVersion === blocked.capacityVersion) {
      return { kind: 'WAIT', until: Math.min(blocked.retryAt, deadline), reason: blocked.message };
    }
  }
  const retained = newest(view.state.instances.filter((instance) => isStartable(view, instance, rollout)));
  return {
    kind: 'PLACE_INSTANCE',
    revisionId: rollout.revisionId,
    ordinal: 0,
    retainedInstanceId: retained?.id ?? null,
  };
}

/** A Start waits for the host of what is kept, as for any other that an operation needs, before it does without its files. */
function awaitKept(view: ContainerView, { kind, startedAt }: Rollout): Wait | null {
  const deadline = startedAt + view.policy.unreachableDeadlineMs;
  if (kind !== 'START' || view.now >= deadline) return null;
  const away = view.state.instances.find((one) => isKept(view.state, one.id) && isUnknown(view, one));
  if (away === undefined || view.lost.has(away.host)) return null;
  const reason = `host ${away.host}, where the stopped instance is, cannot be reached: ${view.unobserved.get(away.host)}`;
  return { kind: 'WAIT', until: deadline, reason };
}

/** What is kept is not made anew in its place, which would cost its files: another one is started. Null: it can be started, or is not kept. */
function setAside(view: ContainerView, candidate: InstanceRecord): Step | null {
  const observed = isKept(view.state, candidate.id) ? observedOf(view, candidate) : undefined;
  const removal = observed === undefined || isUp(observed) ? null : beyondStart(candidate, observed);
  if (removal === null || !isConfirmedDown(view, candidate)) return null;
  const { id: instanceId } = candidate;
  if (candidate.leased) return { kind: 'FREE_DEVICES', instanceId };
  return { kind: 'SET_ROLE', instanceId, role: 'RETAINED', reason: removal.reason };
}

/** Back to a revision that was left a moment ago: its instance may run still, or be stopped and have its devices still. */
function recall(view: ContainerView, { revisionId }: Rollout): Step | null {
  const leased = view.state.instances.filter((instance) => instance.leased && isLeftOver(view, instance, revisionId));
  const stateOf = (instance: InstanceRecord) => observedOf(view, instance)?.state;
  const instance =
    newest(leased.filter((one) => stateOf(one) === 'RUNNING')) ??
    newest(leased.filter((one) => stateOf(one) === 'EXITED'));
  return instance === undefined ? null : { kind: 'RECALL_INSTANCE', instanceId: instance.id };
}

/** What was kept for a rollback must not cost this rollout its order. Null: nothing can be done for now, so it goes without. */
function makeRoom(view: ContainerView): Step | null {
  const steps = keptWithGpus(view).flatMap((instance) => (isUnknown(view, instance) ? [] : [drain(view, instance)]));
  return steps.find((step) => step.kind !== 'WAIT') ?? null;
}

function isStartable(view: ContainerView, instance: InstanceRecord, { kind, revisionId }: Rollout): boolean {
  if (instance.leased || !isLeftOver(view, instance, revisionId)) return false;
  const observed = observedOf(view, instance);
  if (observed === undefined || !['EXITED', 'CREATED'].includes(observed.state)) return false;
  // Another one has older files, or none.
  return kind !== 'START' || (isKept(view.state, instance.id) && beyondStart(instance, observed) === null);
}

/** Retired, or about to be. */
function isLeftOver(view: ContainerView, { role, revisionId, host }: InstanceRecord, wanted: string): boolean {
  return (role === 'RETAINED' || role === 'DRAINING') && revisionId === wanted && !view.unobserved.has(host);
}

function newest(instances: readonly InstanceRecord[]): InstanceRecord | undefined {
  return [...instances].sort((one, other) => other.changedAt - one.changedAt)[0];
}

function undo(failure: Failure, logsOf: string | null = null): Step {
  return { kind: 'UNDO_ROLLOUT', failure, logsOf };
}
