import type { Filter } from '../placement.js';

/** Only hosts that are UP. A refused one stays so until somebody mends it; the others may be back any moment. */
export const hostStateFilter: Filter = (_request, { host }) => {
  if (host.state === 'UP') return null;
  const why = host.message === '' ? '' : `: ${host.message}`;
  return () => ({ reason: `is ${host.state}${why}`, permanent: host.state === 'REFUSED' });
};
