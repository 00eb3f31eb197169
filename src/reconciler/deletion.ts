import type { InstanceRecord } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { type Advance, attempt, awaitHost, awaitRemoval } from './bring-up.js';
import { withdrawRoute } from './port-clash.js';
import { isGoing, isUp, observedOf } from './presence.js';
import type { Step } from './step.js';
import { planUnaccounted } from './takeover.js';
import { targetsOf } from './transitions.js';
import { mayRunUnseen, runsUnseen } from './unseen.js';
import type { ContainerView } from './view.js';

/**
 * Stops, frees, removes and forgets everything, then removes the records. Fails, naming the host, where that cannot be confirmed, but not
 * before all that can be done is done.
 */
export function planDeletion(view: ContainerView, running: Operation): Step {
  const advances = view.state.instances.map((instance) => takeAway(view, instance, running.createdAt));
  const steps = advances.flatMap((advance) => (advance.kind === 'STEP' ? [advance.step] : []));
  const now = steps.find((step) => step.kind !== 'WAIT');
  if (now !== undefined) return now;
  const failed = advances.find((advance) => advance.kind === 'FAILED');
  if (failed !== undefined) {
    return { kind: 'COMPLETE_OPERATION', operationId: running.id, failure: failed.failure };
  }
  return steps[0] ?? planUnaccounted(view, true) ?? { kind: 'REMOVE_RECORDS', operationId: running.id };
}

function takeAway(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  const unknown = awaitHost(view, instance, since, 'STOP');
  if (unknown !== null) return unknown;
  const { id } = instance;
  const observed = observedOf(view, instance);
  if (isGoing(observed)) return awaitRemoval(view, instance, observed, since);
  if (observed !== undefined && isUp(observed)) {
    return attempt(view, instance, { kind: 'STOP_CONTAINER', instanceId: id, name: observed.name }, since);
  }
  if (mayRunUnseen(view, instance)) return { kind: 'FAILED', failure: runsUnseen(instance, observed), logsOf: null };
  if (instance.leased) return { kind: 'STEP', step: giveUp(view, instance) };
  if (observed === undefined) return { kind: 'STEP', step: { kind: 'FORGET_INSTANCE', instanceId: id } };
  const { host, name } = observed;
  const reason = 'its container is being deleted';
  return attempt(view, instance, { kind: 'REMOVE_CONTAINER', host, instanceId: id, name, reason }, since);
}

/** Its port may be another container's at once, to which no request for this one may go. */
function giveUp(view: ContainerView, instance: InstanceRecord): Step {
  const { id: instanceId } = instance;
  const reason = 'its container is being deleted';
  if (targetsOf(view.state).includes(instanceId)) return { kind: 'SET_ROLE', instanceId, role: 'DISCARDED', reason };
  return withdrawRoute(view, instance) ?? { kind: 'FREE_DEVICES', instanceId };
}
