import type { InstanceRecord } from '../domain/instance.js';

/** Whether one instance may have the devices of the other in its place: those on which the two differ are somebody else's. */
export function sameDevices(one: InstanceRecord, other: InstanceRecord): boolean {
  // Its candidate may have had to leave the port that it was given.
  const samePort = one.port === other.port || (other.port !== null && one.avoidPorts.includes(other.port));
  if (one.id === other.id || one.host !== other.host || !samePort) return false;
  return one.gpuUuids.length === other.gpuUuids.length && one.gpuUuids.every((uuid) => other.gpuUuids.includes(uuid));
}
