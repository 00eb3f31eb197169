import type { InstanceRecord } from '../domain/instance.js';
import { POLL_MS } from './presence.js';
import type { Wait } from './step.js';
import type { ContainerView } from './view.js';

/** Whether every live ingress applies the route of that version; one whose heartbeat lapsed is not in the view any more. */
export function allApplied(view: ContainerView, version: number): boolean {
  return view.ingresses.every((ingress) => ingress.appliedVersion >= version);
}

/** While what it was sent may be under way, until its drain deadline; null: it may be stopped. */
export function awaitDrained(view: ContainerView, { id, drainVersion, drainDeadline }: InstanceRecord): Wait | null {
  const deadline = drainDeadline ?? view.now;
  if (drainVersion === null || view.now >= deadline || isDrained(view, id, drainVersion)) return null;
  return { kind: 'WAIT', until: Math.min(deadline, view.now + POLL_MS), reason: 'an instance finishes its requests' };
}

/** Whether nothing is sent to the instance any more and nothing it was sent is still under way. */
function isDrained(view: ContainerView, instanceId: string, version: number): boolean {
  return allApplied(view, version) && view.ingresses.every((ingress) => !ingress.busyInstances.includes(instanceId));
}
