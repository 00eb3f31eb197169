import type { InstanceRecord } from '../domain/instance.js';
import { isActive } from '../domain/observed-instance.js';
import { type Advance, attempt, awaitHost, awaitRemoval, DONE, failed } from './advance.js';
import { isGoing, isUnknown, isUp, observedOf } from './presence.js';
import { mayRunUnseen, runsUnseen } from './unseen.js';
import type { ContainerView } from './view.js';

/** STOP for one instance, within the deadlines of an operation that turned to it at `since`. Done: it does not run, so that its leases may end. */
export function bringDown(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  const unknown = awaitHost(view, instance, since, 'STOP');
  if (unknown !== null) return unknown;
  const observed = observedOf(view, instance);
  if (isGoing(observed)) return awaitRemoval(view, instance, observed, since);
  if (observed !== undefined && isUp(observed)) {
    return attempt(view, instance, { kind: 'STOP_CONTAINER', instanceId: instance.id, name: observed.name }, since);
  }
  return mayRunUnseen(view, instance) ? failed(runsUnseen(instance, observed)) : DONE;
}

/** Whether an instance is confirmed not to run, so that its leases may end. */
export function isConfirmedDown(view: ContainerView, instance: InstanceRecord): boolean {
  if (isUnknown(view, instance) || mayRunUnseen(view, instance)) return false;
  const states = view.observed.filter((observed) => observed.identity.instanceId === instance.id);
  return states.every((observed) => !isActive(observed.state));
}
