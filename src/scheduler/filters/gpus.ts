import type { Gpu } from '../../domain/host.js';
import type { GpuRequirements } from '../../domain/revision.js';
import { bytesText } from '../bytes.js';
import { gpuSuits } from '../gpu.js';
import type { Filter } from '../placement.js';

/** Enough free devices of the model and memory that are asked for. */
export const gpuFilter: Filter = ({ gpus }, snapshot) => {
  // An engine that never answered has devices that we do not know of yet.
  if (gpus === null || gpus.count === 0 || snapshot.host.observedAt === 0) return null;
  const { freeGpus } = snapshot;
  const suits = (gpu: Gpu) => gpuSuits(gpu, gpus);
  // Most hosts that are full are told by the number alone.
  if (freeGpus.length >= gpus.count && freeGpus.filter(suits).length >= gpus.count) return null;
  return () => {
    const free = freeGpus.filter(suits).length;
    const suitable = snapshot.host.gpus.filter(suits).length;
    return suitable < gpus.count
      ? { reason: `has ${suitable} of ${gpus.count} ${asked(gpus)}`, permanent: true }
      : { reason: `has ${free} of ${gpus.count} ${asked(gpus)} free, ${suitable} in all`, permanent: false };
  };
};

function asked({ model, minMemory }: GpuRequirements): string {
  const kind = model === '' ? 'GPUs' : `GPUs like "${model}"`;
  return minMemory === 0 ? kind : `${kind} with ${bytesText(minMemory)} or more`;
}
