import type { Gpu, HostRecord } from '../domain/host.js';
import type { GpuRequirements } from '../domain/revision.js';
import { globMatches } from './glob.js';
import type { HostSnapshot } from './placement.js';

export function gpuSuits(gpu: Gpu, wanted: GpuRequirements): boolean {
  return (wanted.model === '' || globMatches(wanted.model, gpu.name)) && gpu.memory >= wanted.minMemory;
}

/** The first suitable devices that nobody holds, in the host's order; null where there are too few. */
export function pickGpus(wanted: GpuRequirements | null, snapshot: HostSnapshot): readonly Gpu[] | null {
  if (wanted === null) return [];
  const free = snapshot.freeGpus.filter((gpu) => gpuSuits(gpu, wanted));
  return free.length < wanted.count ? null : free.slice(0, wanted.count);
}

/** What nobody holds, in the host's order: for a snapshot of the host. */
export function freeGpus({ gpus, foreignGpus }: HostRecord, takenGpus: ReadonlySet<string>): readonly Gpu[] {
  return gpus.filter(({ uuid }) => !takenGpus.has(uuid) && !foreignGpus.includes(uuid));
}
