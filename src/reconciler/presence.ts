import type { InstanceRecord } from '../domain/instance.js';
import type { Step } from './step.js';
import type { ContainerView, HostedInstance } from './view.js';

/** How soon something is looked at again that nobody tells us about. */
export const POLL_MS = 1_000;

/** The Docker container of an instance: the running one, else the one with the greatest fence. Undefined says gone only on an observed host. */
export function observedOf(view: ContainerView, instance: InstanceRecord): HostedInstance | undefined {
  return observedOfId(view, instance.id)[0];
}

/** All Docker containers under one instance id, the one to keep first. */
export function observedOfId(view: ContainerView, instanceId: string): readonly HostedInstance[] {
  return view.observed
    .filter((observed) => observed.identity.instanceId === instanceId)
    .sort((one, other) => Number(isUp(other)) - Number(isUp(one)) || other.fence - one.fence);
}

/** Has processes, so its devices are in use. */
export function isUp(observed: HostedInstance | undefined): boolean {
  return observed !== undefined && ['RUNNING', 'PAUSED', 'RESTARTING'].includes(observed.state);
}

/** Docker is at it: neither there nor gone. */
export function isGoing(
  observed: HostedInstance | undefined,
): observed is HostedInstance & { readonly state: 'REMOVING' } {
  return observed?.state === 'REMOVING';
}

export function isUnknown(view: ContainerView, instance: InstanceRecord): boolean {
  return view.unobserved.has(instance.host);
}

/** The step, or a wait where it failed on this instance and its back-off is not over. */
export function paced(view: ContainerView, instance: InstanceRecord, step: Step): Step {
  const { fault } = instance;
  if (fault === null || fault.step !== step.kind || fault.retryAt <= view.now) return step;
  return { kind: 'WAIT', until: fault.retryAt, reason: fault.message };
}
