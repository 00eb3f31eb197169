import type { InstanceRecord } from '../domain/instance.js';
import type { RemoveContainer, Step } from './step.js';
import { targetsOf } from './transitions.js';
import type { ContainerView, HostedInstance } from './view.js';

/** A rollout gives up after so many ports: then it is not the ports. */
export const MOST_MOVES = 5;
/** Another port means another container, and the files of this one are lost: one that has run is tried in place so often before that. */
const TRIES_IN_PLACE = 3;

/*
 * A port that Redis thinks free may be in the hands of a process that is not ours. Ports are fixed when a container is created, so an instance
 * moves in steps that each can be repeated: its container is removed, then another port is leased in the place of the taken one, then
 * a container is created for that. Ports that were found taken stand in the record, so that it does not depend on the last fault.
 */

/** Whether the port in the record was found in the hands of somebody else, so that nothing is created for it again. */
export function isPortTaken({ port, avoidPorts }: InstanceRecord): boolean {
  return port !== null && avoidPorts.includes(port);
}

/** The removal of a container that cannot have its port, or was made for another one than the instance has by now; null: it can be started. */
export function leavePort(instance: InstanceRecord, observed: HostedInstance): RemoveContainer | null {
  const { host, name } = observed;
  const removal = { kind: 'REMOVE_CONTAINER', host, instanceId: instance.id, name } as const;
  if (observed.port !== instance.port)
    return { ...removal, reason: `it publishes port ${observed.port}, which it lost` };
  if (!isPortTaken(instance) || (observed.state !== 'CREATED' && !isTriedInPlace(instance))) return null;
  return { ...removal, reason: `port ${observed.port} is in use by something else` };
}

function isTriedInPlace({ fault }: InstanceRecord): boolean {
  if (fault === null) return false;
  return fault.step === 'REMOVE_CONTAINER' || (fault.step === 'START_CONTAINER' && fault.count >= TRIES_IN_PLACE);
}

/** Requests must not go to whoever has the port now. Null: none do. */
export function withdrawRoute({ state }: ContainerView, { id }: InstanceRecord): Step | null {
  return state.routed.includes(id) && !targetsOf(state).includes(id) ? { kind: 'PUBLISH_ROUTE' } : null;
}
