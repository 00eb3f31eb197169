import type { HostRecord } from '../domain/host.js';
import { coresFilter } from './filters/cores.js';
import { gpuFilter } from './filters/gpus.js';
import { hostStateFilter } from './filters/host-state.js';
import { imageFilter } from './filters/image.js';
import { memoryFilter } from './filters/memory.js';
import { portFilter } from './filters/port.js';
import { pickGpus } from './gpu.js';
import type { Filter, HostSnapshot, NotPlaced, Placed, PlacementRequest, Refusal } from './placement.js';
import { pickPort } from './port.js';
import { better } from './scores.js';

const FILTERS: readonly Filter[] = [hostStateFilter, imageFilter, gpuFilter, memoryFilter, coresFilter, portFilter];

/** Filter, score, pick: the host, devices and port for one instance now, or why each host will not do. */
export function place(request: PlacementRequest, snapshots: readonly HostSnapshot[]): Placed | NotPlaced {
  const ranked = snapshots.filter((snapshot) => refusals(request, snapshot).length === 0).sort(better);
  for (const snapshot of ranked) {
    const gpus = pickGpus(request.gpus, snapshot);
    if (gpus === null) continue;
    const port = request.needsPort ? pickPort(snapshot, request.portSeed ?? '') : null;
    return { ok: true, host: snapshot.host.name, gpus, port };
  }
  return explain(request, snapshots);
}

/** Null if some host could satisfy the request were it idle; a host that was never observed is given the benefit of the doubt. */
export function admit(request: PlacementRequest, hosts: readonly HostRecord[]): NotPlaced | null {
  const { possible, reasons } = explain(request, hosts.map(idle));
  return possible ? null : { ok: false, possible, reasons };
}

/** All refusals of one host; none lets it pass. */
export function refusals(request: PlacementRequest, snapshot: HostSnapshot): readonly Refusal[] {
  return FILTERS.flatMap((filter) => filter(request, snapshot) ?? []);
}

/** Host by host, for messages. */
export function explained({ reasons }: NotPlaced): string {
  if (reasons.length === 0) return 'there are no hosts';
  return reasons.map(({ host, reason }) => `${host} ${reason}`).join('; ');
}

function explain(request: PlacementRequest, snapshots: readonly HostSnapshot[]): NotPlaced {
  const judged = snapshots.map((snapshot) => ({ host: snapshot.host.name, refused: refusals(request, snapshot) }));
  const possible = judged.some(({ refused }) => refused.every((refusal) => !refusal.permanent));
  const reasons = judged
    .filter(({ refused }) => refused.length > 0)
    .map(({ host, refused }) => ({ host, reason: sentence(refused) }))
    .sort((one, other) => (one.host < other.host ? -1 : 1));
  return { ok: false, possible, reasons };
}

/** What can never be mended by waiting stands alone: the rest does not matter then. */
function sentence(refused: readonly Refusal[]): string {
  const permanent = refused.filter((refusal) => refusal.permanent);
  const reasons = (permanent.length > 0 ? permanent : refused).map((refusal) => refusal.reason);
  return [reasons.slice(0, -1).join(', '), ...reasons.slice(-1)].filter(Boolean).join(' and ');
}

function idle(host: HostRecord): HostSnapshot {
  return {
    host: { ...host, foreignGpus: [] },
    takenGpus: new Set(),
    takenPorts: new Set(),
    instances: 0,
    leasedMemory: 0,
    leasedCores: 0,
  };
}
