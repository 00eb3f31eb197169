import type { ContainerView } from './view.js';

/** Whether every live ingress applies the route of that version; one whose heartbeat lapsed is not in the view any more. */
export function allApplied(view: ContainerView, version: number): boolean {
  return view.ingresses.every((ingress) => ingress.appliedVersion >= version);
}

/** Whether nothing is sent to the instance any more and nothing it was sent is still under way. */
export function isDrained(view: ContainerView, instanceId: string, version: number): boolean {
  return allApplied(view, version) && view.ingresses.every((ingress) => !ingress.busyInstances.includes(instanceId));
}
