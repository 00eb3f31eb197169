import type { GpuRequirements } from '../../domain/revision.js';
import { bytesText } from '../bytes.js';
import { freeGpus, gpuSuits } from '../gpu.js';
import type { Filter } from '../placement.js';

/** Enough free devices of the model and memory that are asked for. */
export const gpuFilter: Filter = ({ gpus }, snapshot) => {
  // An engine that never answered has devices that we do not know of yet.
  if (gpus === null || gpus.count === 0 || snapshot.host.observedAt === 0) return null;
  const free = freeGpus(snapshot).filter((gpu) => gpuSuits(gpu, gpus)).length;
  if (free >= gpus.count) return null;
  return () => {
    const suitable = snapshot.host.gpus.filter((gpu) => gpuSuits(gpu, gpus)).length;
    return suitable < gpus.count
      ? { reason: `has ${suitable} of ${gpus.count} ${asked(gpus)}`, permanent: true }
      : { reason: `has ${free} of ${gpus.count} ${asked(gpus)} free, ${suitable} in all`, permanent: false };
  };
};

function asked({ model, minMemory }: GpuRequirements): string {
  const kind = model === '' ? 'GPUs' : `GPUs like "${model}"`;
  return minMemory === 0 ? kind : `${kind} with ${bytesText(minMemory)} or more`;
}
