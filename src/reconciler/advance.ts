import type { Failure } from '../domain/errors.js';
import type { InstanceRecord } from '../domain/instance.js';
import { hostUnreachable, removalHangs, stepFailed } from './failures.js';
import { POLL_MS } from './presence.js';
import type { Step } from './step.js';
import type { ContainerView, HostedInstance } from './view.js';

/** Of one instance towards where it is to go: the next step, why it will not come there, or that it is there. */
export type Advance =
  | { readonly kind: 'STEP'; readonly step: Step }
  | { readonly kind: 'FAILED'; readonly failure: Failure; readonly logsOf: string | null }
  | { readonly kind: 'DONE' };

export const DONE: Advance = { kind: 'DONE' };
export const step = (next: Step): Advance => ({ kind: 'STEP', step: next });
export const failed = (failure: Failure, logsOf: string | null = null): Advance => ({
  kind: 'FAILED',
  failure,
  logsOf,
});

/** Of what several instances need, the most urgent: a step to take now, else why one will not come where it is to go, else a wait. */
export function mostUrgent(advances: readonly Advance[]): Advance {
  const isStep = (advance: Advance) => advance.kind === 'STEP';
  const now = advances.find((advance) => isStep(advance) && advance.step.kind !== 'WAIT');
  return now ?? advances.find(({ kind }) => kind === 'FAILED') ?? advances.find(isStep) ?? DONE;
}

/** Nothing is known of an unreachable host, so nothing is done there; and an operation does not wait for ever. Null: it was observed. */
export function awaitHost(view: ContainerView, instance: InstanceRecord, since: number, name: string): Advance | null {
  const why = view.unobserved.get(instance.host);
  if (why === undefined) return null;
  const deadline = hostDeadline(view, instance, since);
  if (view.now >= deadline) return failed(hostUnreachable(instance.host, name, why));
  return step({ kind: 'WAIT', until: deadline, reason: `host ${instance.host} cannot be reached: ${why}` });
}

/** Nothing can be done about a container that its engine is removing, and one that hangs there may stay so until the engine is started again. */
export function awaitRemoval(
  view: ContainerView,
  instance: InstanceRecord,
  { host, name }: HostedInstance,
  since: number,
): Advance {
  const deadline = hostDeadline(view, instance, since);
  if (view.now >= deadline) return failed(removalHangs(instance, name));
  return step({ kind: 'WAIT', until: Math.min(deadline, view.now + POLL_MS), reason: `${host} is removing ${name}` });
}

/** The step unless it failed for good, which an operation does not try for ever. */
export function attempt(view: ContainerView, instance: InstanceRecord, next: Step, since: number): Advance {
  const { fault } = instance;
  if (fault === null || fault.step !== next.kind) return step(next);
  const deadline =
    fault.kind === 'UNREACHABLE'
      ? hostDeadline(view, instance, since)
      : fault.firstAt + (fault.kind === 'PERMANENT' ? 0 : view.policy.retryBudgetMs);
  // A try that was due before the deadline is made, however late: while nobody could look, nothing was tried, nor learnt.
  const isLast = fault.retryAt >= deadline;
  if (view.now >= deadline && isLast) return failed(stepFailed(instance, next.kind, fault));
  if (view.now >= fault.retryAt) return step(next);
  const reason = stepFailed(instance, next.kind, fault).message;
  return step({ kind: 'WAIT', until: Math.min(fault.retryAt, deadline), reason });
}

function hostDeadline(view: ContainerView, instance: InstanceRecord, since: number): number {
  const faultAt = instance.fault?.kind === 'UNREACHABLE' ? instance.fault.firstAt : 0;
  return Math.max(since, instance.changedAt, faultAt) + view.policy.unreachableDeadlineMs;
}
