import type { InstanceRecord } from '../domain/instance.js';
import { isUp, POLL_MS } from './presence.js';
import type { Wait } from './step.js';
import type { ContainerView, HostedInstance } from './view.js';

/** Whether every live ingress applies the route of that version; one whose heartbeat lapsed is not in the view any more. */
export function allApplied(view: ContainerView, version: number): boolean {
  return view.ingresses.every((ingress) => ingress.appliedVersion >= version);
}

/**
 * While what it was sent may be under way, or more may be sent to its port, until its drain deadline. Null: it may be stopped, and its port be another's.
 */
export function awaitDrained(
  view: ContainerView,
  { id, drainVersion, drainDeadline }: InstanceRecord,
  observed: HostedInstance | undefined,
): Wait | null {
  const deadline = drainDeadline ?? view.now;
  if (drainVersion === null || view.now >= deadline) return null;
  if (isUp(observed) ? isDrained(view, id, drainVersion) : allApplied(view, drainVersion)) return null;
  return { kind: 'WAIT', until: Math.min(deadline, view.now + POLL_MS), reason: 'an instance finishes its requests' };
}

/** Whether nothing is sent to the instance any more and nothing it was sent is still under way. */
function isDrained(view: ContainerView, instanceId: string, version: number): boolean {
  return allApplied(view, version) && view.ingresses.every((ingress) => !ingress.busyInstances.includes(instanceId));
}
