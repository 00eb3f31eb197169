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
  const best = bestOf(request, snapshots);
  const gpus = best && pickGpus(request.gpus, best);
  if (best === null || gpus === null) return explain(request, snapshots);
  const port = request.needsPort ? pickPort(best, request.portSeed ?? '') : null;
  return { ok: true, host: best.host.name, gpus, port };
}

/** Only what is better than the best so far is put through the filters, which cost more than the scores. */
function bestOf(request: PlacementRequest, snapshots: readonly HostSnapshot[]): HostSnapshot | null {
  let best: HostSnapshot | null = null;
  for (const snapshot of snapshots) {
    if (best !== null && better(best, snapshot) <= 0) continue;
    if (passes(request, snapshot)) best = snapshot;
  }
  return best;
}

/** Null if some host could satisfy the request were it idle; a host that was never observed is given the benefit of the doubt. */
export function admit(request: PlacementRequest, hosts: readonly HostRecord[]): NotPlaced | null {
  for (const host of hosts) if (isPossible(refusals(request, idle(host)))) return null;
  return explain(request, hosts.map(idle));
}

export function passes(request: PlacementRequest, snapshot: HostSnapshot): boolean {
  return FILTERS.every((filter) => filter(request, snapshot) === null);
}

/** All refusals of one host; none lets it pass. */
function refusals(request: PlacementRequest, snapshot: HostSnapshot): readonly Refusal[] {
  return FILTERS.flatMap((filter) => filter(request, snapshot)?.() ?? []);
}

const isPossible = (refused: readonly Refusal[]): boolean => refused.every((refusal) => !refusal.permanent);

/** Host by host, for messages. */
export function explained({ reasons, unnamed }: NotPlaced): string {
  if (reasons.length === 0) return 'there are no hosts';
  const sentences = reasons.map(({ host, reason }) => `${host} ${reason}`);
  if (unnamed > 0) sentences.push(`${unnamed} more hosts will not do either`);
  return sentences.join('; ');
}

/** So many hosts are named: what people read, and what is stored of it, must not grow with the number of hosts. */
const MOST_REASONS = 20;

/** `snapshots` are those of hosts that refuse. */
function explain(request: PlacementRequest, snapshots: readonly HostSnapshot[]): NotPlaced {
  const reasons = snapshots
    .slice(0, MOST_REASONS)
    .map((snapshot) => ({ host: snapshot.host.name, reason: sentence(refusals(request, snapshot)) }))
    .sort((one, other) => (one.host < other.host ? -1 : 1));
  const possible = snapshots.some((snapshot) => isPossible(refusals(request, snapshot)));
  return { ok: false, possible, reasons, unnamed: snapshots.length - reasons.length };
}

/** What can never be mended by waiting stands alone: the rest does not matter then. */
function sentence(refused: readonly Refusal[]): string {
  const permanent = refused.filter((refusal) => refusal.permanent);
  const reasons = (permanent.length > 0 ? permanent : refused).map((refusal) => refusal.reason);
  return [reasons.slice(0, -1).join(', '), ...reasons.slice(-1)].filter(Boolean).join(' and ');
}

function idle(host: HostRecord): HostSnapshot {
  return {
    host,
    takenGpus: new Set(),
    freeGpus: host.gpus,
    takenPorts: new Set(),
    instances: 0,
    leasedMemory: 0,
    leasedCores: 0,
  };
}
