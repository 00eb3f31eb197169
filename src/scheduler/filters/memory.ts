import { bytesText } from '../bytes.js';
import type { Filter } from '../placement.js';
import { leasedResources } from '../resources.js';

/** Memory that is asked for fits beside what is leased. A total of 0 is unknown and limits nothing. */
export const memoryFilter: Filter = ({ resources }, { host, leasedMemory }) => {
  const { memory } = leasedResources(resources);
  if (memory === 0 || host.memory === 0 || leasedMemory + memory <= host.memory) return null;
  if (memory > host.memory)
    return { reason: `has ${bytesText(host.memory)} of memory, ${bytesText(memory)} are asked for`, permanent: true };
  const free = Math.max(host.memory - leasedMemory, 0);
  const left = `${bytesText(free)} of ${bytesText(host.memory)} of memory left`;
  return { reason: `has ${left}, ${bytesText(memory)} are asked for`, permanent: false };
};
