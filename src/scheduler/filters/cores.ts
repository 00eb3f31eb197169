import type { Filter, Refusal } from '../placement.js';
import { leasedResources } from '../resources.js';

/** Fractions of cores add up in binary: what differs by less than this is equal. */
const TOLERANCE = 1e-6;

/** Cores that are asked for fit beside what is leased. A total of 0 is unknown and limits nothing. */
export const coresFilter: Filter = ({ resources }, { host, leasedCores }) => {
  const { cores } = leasedResources(resources);
  if (cores === 0 || host.cores === 0 || leasedCores + cores <= host.cores + TOLERANCE) return null;
  return () => lacking(cores, host.cores, leasedCores);
};

function lacking(cores: number, total: number, leasedCores: number): Refusal {
  if (cores > total + TOLERANCE) return { reason: `has ${total} cores, ${cores} are asked for`, permanent: true };
  const free = Math.max(total - leasedCores, 0);
  return { reason: `has ${shown(free)} of ${total} cores left, ${cores} are asked for`, permanent: false };
}

const shown = (cores: number): string => String(Math.round(cores * 100) / 100);
