import type { Gpu } from '../domain/host.js';
import type { GpuRequirements } from '../domain/revision.js';
import { globMatches } from './glob.js';
import type { HostSnapshot } from './placement.js';

export function gpuSuits(gpu: Gpu, wanted: GpuRequirements): boolean {
  return (wanted.model === '' || globMatches(wanted.model, gpu.name)) && gpu.memory >= wanted.minMemory;
}

/** The first suitable devices that nobody holds, in the host's order; null where there are too few. */
export function pickGpus(wanted: GpuRequirements | null, snapshot: HostSnapshot): readonly Gpu[] | null {
  if (wanted === null) return [];
  const free = freeGpus(snapshot).filter((gpu) => gpuSuits(gpu, wanted));
  return free.length < wanted.count ? null : free.slice(0, wanted.count);
}

export function freeGpus({ host, takenGpus }: HostSnapshot): readonly Gpu[] {
  return host.gpus.filter((gpu) => !takenGpus.has(gpu.uuid) && !host.foreignGpus.includes(gpu.uuid));
}
