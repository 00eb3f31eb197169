import type { InstanceRecord } from '../domain/instance.js';
import type { RevisionSpec } from '../domain/revision.js';
import { type Advance, attempt, awaitHost, awaitRemoval, DONE, failed, step } from './advance.js';
import { healthDeadlinePassed, instanceExited, portsTaken, revisionGone } from './failures.js';
import { isPortTaken, leavePort, MOST_MOVES } from './port-clash.js';
import { observedOf } from './presence.js';
import type { RemoveContainer, Step } from './step.js';
import { leaveHalfStarted } from './unseen.js';
import type { ContainerView, HostedInstance } from './view.js';

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

/** The removal of a container that no start will succeed for, though another would do; null: it may be started. */
export function beyondStart(instance: InstanceRecord, observed: HostedInstance): RemoveContainer | null {
  const leave = instance.unseen === null ? leavePort(instance, observed) : null;
  return leaveHalfStarted(instance, observed) ?? leave;
}

function startThere(view: ContainerView, instance: InstanceRecord, observed: HostedInstance, since: number): Advance {
  const removal = beyondStart(instance, observed);
  return removal === null ? start(view, instance, observed, since) : attempt(view, instance, removal, since);
}

function start(view: ContainerView, instance: InstanceRecord, { name }: HostedInstance, since: number): Advance {
  return attempt(view, instance, { kind: 'START_CONTAINER', instanceId: instance.id, name, restart: false }, since);
}

function health(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  if (instance.healthyAt !== null) return DONE;
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
