import type { InstanceRecord } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { type Advance, attempt, mostUrgent, step } from './advance.js';
import { bringDown } from './bring-down.js';
import { withdrawRoute } from './port-clash.js';
import { observedOf } from './presence.js';
import { complete, type Step } from './step.js';
import { planUnaccounted } from './takeover.js';
import { targetsOf } from './transitions.js';
import type { ContainerView } from './view.js';

/**
 * Stops, frees, removes and forgets everything, then removes the records. Fails, naming the host, where that cannot be confirmed, but not
 * before all that can be done is done.
 */
export function planDeletion(view: ContainerView, running: Operation): Step {
  const advance = mostUrgent(view.state.instances.map((instance) => takeAway(view, instance, running.createdAt)));
  switch (advance.kind) {
    case 'STEP':
      return advance.step;
    case 'FAILED':
      return complete(running, advance.failure);
    case 'DONE':
      return planUnaccounted(view, true) ?? { kind: 'REMOVE_RECORDS', operationId: running.id };
  }
}

function takeAway(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  const { id: instanceId } = instance;
  const down = bringDown(view, instance, since);
  if (down.kind !== 'DONE') return down;
  if (instance.leased) return step(giveUp(view, instance));
  const observed = observedOf(view, instance);
  if (observed === undefined) return step({ kind: 'FORGET_INSTANCE', instanceId });
  const { host, name } = observed;
  const reason = 'its container is being deleted';
  return attempt(view, instance, { kind: 'REMOVE_CONTAINER', host, instanceId, name, reason }, since);
}

/** Its port may be another container's at once, to which no request for this one may go. */
function giveUp(view: ContainerView, instance: InstanceRecord): Step {
  const { id: instanceId } = instance;
  const reason = 'its container is being deleted';
  if (targetsOf(view.state).includes(instanceId)) return { kind: 'SET_ROLE', instanceId, role: 'DISCARDED', reason };
  return withdrawRoute(view, instance) ?? { kind: 'FREE_DEVICES', instanceId };
}
