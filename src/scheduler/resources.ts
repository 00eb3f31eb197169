import type { Resources } from '../domain/revision.js';

/** What an instance takes of its host: bytes, and whole cores in fractions. Nothing asked is nothing taken. */
export function leasedResources(resources: Resources | null): { readonly memory: number; readonly cores: number } {
  if (resources === null) return { memory: 0, cores: 0 };
  return { memory: resources.memory, cores: (resources.cores * resources.coreFraction) / 100 };
}
