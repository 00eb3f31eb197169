import type { Filter } from '../placement.js';

/** An image that no registry knows runs only where it is. */
export const imageFilter: Filter = ({ imageHosts }, { host }) => {
  if (imageHosts === null || imageHosts.includes(host.name)) return null;
  return { reason: 'does not have the image, and no registry can bring it there', permanent: true };
};
