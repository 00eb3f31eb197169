import { bytesText } from '../bytes.js';
import type { Filter, Refusal } from '../placement.js';
import { leasedResources } from '../resources.js';

/** Memory that is asked for fits beside what is leased. A total of 0 is unknown and limits nothing. */
export const memoryFilter: Filter = ({ resources }, { host, leasedMemory }) => {
  const { memory } = leasedResources(resources);
  if (memory === 0 || host.memory === 0 || leasedMemory + memory <= host.memory) return null;
  return () => lacking(memory, host.memory, leasedMemory);
};

function lacking(memory: number, total: number, leasedMemory: number): Refusal {
  if (memory > total)
    return { reason: `has ${bytesText(total)} of memory, ${bytesText(memory)} are asked for`, permanent: true };
  const free = Math.max(total - leasedMemory, 0);
  const left = `${bytesText(free)} of ${bytesText(total)} of memory left`;
  return { reason: `has ${left}, ${bytesText(memory)} are asked for`, permanent: false };
}
