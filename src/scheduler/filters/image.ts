import type { Filter } from '../placement.js';

/** An image that no registry knows runs only where it is. */
export const imageFilter: Filter = ({ imageHosts }, { host }) => {
  if (imageHosts === null || imageHosts.having.includes(host.name)) return null;
  if (imageHosts.unasked.includes(host.name))
    return () => ({ reason: 'could not be asked for the image', permanent: false });
  return () => ({ reason: 'does not have the image, and no registry can bring it there', permanent: true });
};
