import type { Rollout } from '../domain/container-state.js';
import type { Failure } from '../domain/errors.js';
import type { InstanceRecord } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { type Advance, attempt, awaitHost, awaitRemoval } from './advance.js';
import { bringUp } from './bring-up.js';
import { sameDevices } from './devices.js';
import { notRestored } from './failures.js';
import { isGoing, isUp, observedOf } from './presence.js';
import { complete, type Step } from './step.js';
import { mayRunUnseen, runsUnseen } from './unseen.js';
import type { ContainerView } from './view.js';

/**
 * Undoes a rollout that has not switched: the candidate is stopped and gives its devices up, a held instance serves again, and only then the
 * operation ends. What cannot be done within the deadlines is left to steady state, and the operation says so.
 */
export function planUndo(view: ContainerView, running: Operation, rollout: Rollout, failure: Failure): Step {
  const since = rollout.undoneAt ?? rollout.startedAt;
  const candidate = view.state.instances.find((instance) => instance.role === 'CANDIDATE');
  const retire = candidate === undefined ? null : retireCandidate(view, candidate, since, failure);
  if (retire !== null) return retire;
  if (rollout.holdVersion !== null) return restore(view, since) ?? { kind: 'PUBLISH_ROUTE' };
  return complete(running, wholeFailure(view, rollout, failure));
}

/** Null: nothing is left to do, or it cannot be done. */
function retireCandidate(view: ContainerView, candidate: InstanceRecord, since: number, failure: Failure): Step | null {
  const unknown = awaitHost(view, candidate, since, 'STOP');
  if (unknown !== null) {
    const waitedAlready = failure.metadata?.host === candidate.host && failure.code === 'UNAVAILABLE';
    return unknown.kind === 'STEP' && !waitedAlready ? unknown.step : null;
  }
  const observed = observedOf(view, candidate);
  if (isGoing(observed)) return stepOf(awaitRemoval(view, candidate, observed, since));
  if (observed !== undefined && isUp(observed)) {
    const stop: Step = { kind: 'STOP_CONTAINER', instanceId: candidate.id, name: observed.name };
    return stepOf(attempt(view, candidate, stop, since));
  }
  // What may run keeps its devices: nothing is restored with them.
  const unseen = mayRunUnseen(view, candidate);
  if (candidate.leased && !unseen) return giveUpDevices(view, candidate);
  const why = failure.code === 'CANCELLED' ? '' : failure.message;
  const reason = unseen ? runsUnseen(candidate, observed).message : why;
  const role = observed === undefined ? 'DISCARDED' : 'RETAINED';
  return { kind: 'SET_ROLE', instanceId: candidate.id, role, reason };
}

/**
 * To the former instance that it has them from, which serves again by name where its host did not answer in time and does now. One may lack others, which an
 * earlier rollout left elsewhere.
 */
function giveUpDevices(view: ContainerView, candidate: InstanceRecord): Step {
  const former = view.state.instances.find(
    (one) => (one.role === 'HELD' || one.role === 'SERVING') && !one.leased && sameDevices(candidate, one),
  );
  if (former === undefined) return { kind: 'FREE_DEVICES', instanceId: candidate.id };
  return { kind: 'TAKE_DEVICES_BACK', fromInstanceId: candidate.id, toInstanceId: former.id };
}

/** Null: the held instance is up again, or cannot be brought up in time. */
function restore(view: ContainerView, since: number): Step | null {
  const held = view.state.instances.find((instance) => instance.role === 'HELD' && instance.leased);
  if (held === undefined) return null;
  return stepOf(bringUp(view, held, since));
}

const stepOf = (advance: Advance): Step | null => (advance.kind === 'STEP' ? advance.step : null);

/** By now held instances serve again in the records; one that is not healthy was given up, and why can be read from it. */
function wholeFailure(view: ContainerView, rollout: Rollout, failure: Failure): Failure {
  if (rollout.order !== 'STOP_FIRST') return failure;
  const ill = view.state.instances.find((instance) => instance.role === 'SERVING' && instance.healthyAt === null);
  if (ill === undefined) return failure;
  const unreachable = view.unobserved.get(ill.host);
  const leases = ill.leased ? null : 'its devices could not be taken back';
  return notRestored(failure, ill, unreachable ?? leases ?? ill.fault?.message ?? 'it does not become healthy');
}
