import type { Failure } from '../domain/errors.js';
import type { InstanceRecord } from '../domain/instance.js';
import type { RevisionSpec } from '../domain/revision.js';
import {
  healthDeadlinePassed,
  hostUnreachable,
  instanceExited,
  portsTaken,
  removalHangs,
  revisionGone,
  stepFailed,
} from './failures.js';
import { isPortTaken, leavePort, MOST_MOVES } from './port-clash.js';
import { isUnknown, observedOf, POLL_MS } from './presence.js';
import type { Step } from './step.js';
import { leaveHalfStarted, mayRunUnseen } from './unseen.js';
import type { ContainerView, HostedInstance } from './view.js';

/** Towards an instance that is healthy: the next step, or why it will not be. */
export type Advance =
  | { readonly kind: 'STEP'; readonly step: Step }
  | { readonly kind: 'FAILED'; readonly failure: Failure; readonly logsOf: string | null }
  | { readonly kind: 'UP' };

const UP: Advance = { kind: 'UP' };
const step = (next: Step): Advance => ({ kind: 'STEP', step: next });
const failed = (failure: Failure, logsOf: string | null = null): Advance => ({ kind: 'FAILED', failure, logsOf });

/**
 * PULL > CREATE > START > HEALTHY for one instance that holds its devices, within the deadlines of an operation. `since` is when the
 * operation turned to it: an exit of an earlier start is no failure.
 */
export function bringUp(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  const unknown = awaitHost(view, instance, since, 'START');
  if (unknown !== null) return unknown;
  const observed = observedOf(view, instance);
  if (observed === undefined) return bringThere(view, instance, since);
  switch (observed.state) {
    case 'REMOVING':
      return awaitRemoval(view, instance, observed, since);
    case 'CREATED':
      return startThere(view, instance, observed, since);
    case 'EXITED':
    case 'DEAD':
      if (instance.startedAt !== null && instance.startedAt >= since) {
        return failed(instanceExited(instance, observed), instance.id);
      }
      return startThere(view, instance, observed, since);
    default:
      return isRecorded(instance, observed) ? health(view, instance, since) : start(view, instance, observed, since);
  }
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
  if (view.now >= deadline) return failed(stepFailed(instance, next.kind, fault));
  if (view.now >= fault.retryAt) return step(next);
  const reason = stepFailed(instance, next.kind, fault).message;
  return step({ kind: 'WAIT', until: Math.min(fault.retryAt, deadline), reason });
}

/** Whether the record knows of this very start. Where the engine's text could not be read, it is taken to. */
export function isRecorded(instance: InstanceRecord, observed: HostedInstance): boolean {
  if (instance.startedAt === null) return false;
  return instance.engineStartedAt === null || instance.engineStartedAt === observed.startedAt;
}

/** When a running instance may first be called healthy: one of runtime process has to run for a while. */
export function healthyFrom(instance: InstanceRecord, spec: RevisionSpec): number {
  return (instance.startedAt ?? 0) + (spec.runtime === 'PROCESS' ? spec.minimumRunTimeMs : 0);
}

function bringThere(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  if (!view.revisions.has(instance.revisionId)) return failed(revisionGone(instance.revisionId));
  if (isPortTaken(instance)) {
    if (instance.avoidPorts.length > MOST_MOVES) return failed(portsTaken(instance));
    return attempt(view, instance, { kind: 'MOVE_PORT', instanceId: instance.id }, since);
  }
  if (!instance.imageReady) return attempt(view, instance, { kind: 'PULL_IMAGE', instanceId: instance.id }, since);
  return attempt(view, instance, { kind: 'CREATE_CONTAINER', instanceId: instance.id }, since);
}

function startThere(view: ContainerView, instance: InstanceRecord, observed: HostedInstance, since: number): Advance {
  const leave = instance.unseen === null ? leavePort(instance, observed) : null;
  const removal = leaveHalfStarted(instance, observed) ?? leave;
  return removal === null ? start(view, instance, observed, since) : attempt(view, instance, removal, since);
}

function start(view: ContainerView, instance: InstanceRecord, { name }: HostedInstance, since: number): Advance {
  return attempt(view, instance, { kind: 'START_CONTAINER', instanceId: instance.id, name, restart: false }, since);
}

function health(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  if (instance.healthyAt !== null) return UP;
  const spec = view.revisions.get(instance.revisionId)?.spec;
  if (spec === undefined) return failed(revisionGone(instance.revisionId));
  const from = healthyFrom(instance, spec);
  if (view.now < from) return step({ kind: 'WAIT', until: from, reason: 'runs for its minimum run time' });
  const fault = instance.fault?.step === 'PROBE_INSTANCE' ? instance.fault : null;
  const probe: Step = { kind: 'PROBE_INSTANCE', instanceId: instance.id };
  // A deadline that passed while no worker looked is no verdict: it is asked once at least.
  if (fault === null) return step(probe);
  const allowed = spec.healthCheck?.deadlineMs ?? view.policy.healthDeadlineMs;
  const deadline = Math.max(from, since) + allowed;
  if (view.now >= deadline) return failed(healthDeadlinePassed(instance, allowed, fault.message), instance.id);
  if (view.now >= fault.retryAt) return step(probe);
  return step({ kind: 'WAIT', until: Math.min(fault.retryAt, deadline), reason: `not healthy yet: ${fault.message}` });
}

function hostDeadline(view: ContainerView, instance: InstanceRecord, since: number): number {
  const faultAt = instance.fault?.kind === 'UNREACHABLE' ? instance.fault.firstAt : 0;
  return Math.max(since, instance.changedAt, faultAt) + view.policy.unreachableDeadlineMs;
}

/** Whether an instance is confirmed not to run, so that its leases may end. */
export function isConfirmedDown(view: ContainerView, instance: InstanceRecord): boolean {
  if (isUnknown(view, instance) || mayRunUnseen(view, instance)) return false;
  const states = view.observed.filter((observed) => observed.identity.instanceId === instance.id);
  return states.every((observed) => ['CREATED', 'EXITED', 'DEAD'].includes(observed.state));
}
