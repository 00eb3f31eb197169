import type { InstanceRecord } from '../domain/instance.js';
import type { Resources, RolloutOrder } from '../domain/revision.js';
import { freeGpus, gpuSuits } from './gpu.js';
import { explained, passes, place } from './place.js';
import type { HostSnapshot, NotPlaced, Placed, PlacementRequest } from './placement.js';
import { leasedResources } from './resources.js';

const NO_HAND_OVER =
  'stop-first hands the devices of the running instance over as they are: its host, the same number of suitable GPUs, and a port for both or for neither';

export interface RolloutPlacement {
  readonly request: PlacementRequest;
  readonly order: RolloutOrder;
  /** The serving instance with what its revision asked for; null for the first deploy. */
  readonly former: { readonly instance: InstanceRecord; readonly resources: Resources | null } | null;
  /** A retained instance of the revision: its devices and port were fixed when it was created. */
  readonly retained: InstanceRecord | null;
}

export type RolloutDecision =
  /** To be leased: a new instance. */
  | { readonly kind: 'NEW'; readonly placed: Placed }
  /** To be leased: exactly what the retained instance has. */
  | { readonly kind: 'RETAINED'; readonly instance: InstanceRecord }
  /** Nothing to lease: the former instance's leases are handed over, to the retained instance where it fits them, else to a new one. */
  | { readonly kind: 'STOP_FIRST'; readonly former: InstanceRecord; readonly retained: InstanceRecord | null }
  | { readonly kind: 'BLOCKED'; readonly message: string }
  /** No host could ever take it, whatever came free. */
  | { readonly kind: 'IMPOSSIBLE'; readonly refused: NotPlaced }
  /** Stop-first was asked for by name, and waiting will not make it possible. */
  | { readonly kind: 'REFUSED'; readonly message: string };

/**
 * Which of the two orders a rollout takes, and where. AUTO is start-first where there is room for both now, else stop-first where the former
 * instance's own devices will do, else it waits.
 */
export function placeRollout(rollout: RolloutPlacement, snapshots: readonly HostSnapshot[]): RolloutDecision {
  const stopFirst = rollout.order === 'START_FIRST' ? null : handOver(rollout, snapshots);
  if (rollout.order === 'STOP_FIRST') {
    if (stopFirst !== null) return stopFirst;
    // Nobody who asks for it by name wants both to run at once.
    if (rollout.former?.instance.leased) return { kind: 'REFUSED', message: NO_HAND_OVER };
  }
  const { retained, request } = rollout;
  if (retained !== null && retainedFits(retained, request, snapshots)) return { kind: 'RETAINED', instance: retained };
  const placed = place(request, snapshots);
  if (placed.ok) return { kind: 'NEW', placed };
  if (stopFirst !== null) return stopFirst;
  // Without any host, one may be about to be seen for the first time.
  if (!placed.possible && snapshots.length > 0) return { kind: 'IMPOSSIBLE', refused: placed };
  return { kind: 'BLOCKED', message: explained(placed) };
}

function handOver({ former, request, retained }: RolloutPlacement, snapshots: readonly HostSnapshot[]) {
  if (former === null || !former.instance.leased) return null;
  const { instance, resources } = former;
  const snapshot = snapshots.find(({ host }) => host.name === instance.host);
  if (snapshot === undefined || request.needsPort !== (instance.port !== null)) return null;
  const without = released(snapshot, instance, resources);
  if (!passes({ ...request, needsPort: false }, without) || !devicesSuit(instance, request, without)) return null;
  const fits = retained !== null && sameDevices(retained, instance);
  return { kind: 'STOP_FIRST' as const, former: instance, retained: fits ? retained : null };
}

/** The leases are handed over whole, so the devices must be exactly as many as are asked for. */
function devicesSuit(instance: InstanceRecord, { gpus }: PlacementRequest, { host }: HostSnapshot): boolean {
  if (instance.gpuUuids.length !== (gpus?.count ?? 0)) return false;
  return instance.gpuUuids.every((uuid) => {
    const gpu = host.gpus.find((candidate) => candidate.uuid === uuid);
    return gpu !== undefined && gpus !== null && gpuSuits(gpu, gpus);
  });
}

function sameDevices(retained: InstanceRecord, former: InstanceRecord): boolean {
  if (retained.host !== former.host || retained.port !== former.port) return false;
  const devices = new Set(former.gpuUuids);
  return retained.gpuUuids.length === devices.size && retained.gpuUuids.every((uuid) => devices.has(uuid));
}

/** Its container must be there to be started, and its devices and port must be free. */
function retainedFits(
  retained: InstanceRecord,
  request: PlacementRequest,
  snapshots: readonly HostSnapshot[],
): boolean {
  const snapshot = snapshots.find(({ host }) => host.name === retained.host);
  if (snapshot === undefined || !retained.created) return false;
  const { takenPorts } = snapshot;
  const free = (uuid: string) => snapshot.freeGpus.some((gpu) => gpu.uuid === uuid);
  if (!retained.gpuUuids.every(free) || (retained.port !== null && takenPorts.has(retained.port))) return false;
  return passes({ ...request, gpus: null, needsPort: false, imageHosts: null }, snapshot);
}

function released(snapshot: HostSnapshot, instance: InstanceRecord, resources: Resources | null): HostSnapshot {
  const { memory, cores } = leasedResources(resources);
  const takenGpus = new Set(snapshot.takenGpus);
  for (const uuid of instance.gpuUuids) takenGpus.delete(uuid);
  const leasedMemory = snapshot.leasedMemory - memory;
  return {
    ...snapshot,
    takenGpus,
    freeGpus: freeGpus(snapshot.host, takenGpus),
    leasedMemory,
    leasedCores: snapshot.leasedCores - cores,
  };
}
