import type { Filter } from '../placement.js';

/**
 * Only hosts that are UP and did not miss the last look, though one look is no reason to call them unreachable yet. A refused one stays so until
 * somebody mends it; the others may be back any moment.
 */
export const hostStateFilter: Filter = (_request, { host }) => {
  if (host.state === 'UP' && host.missedLooks === 0) return null;
  const why = host.message === '' ? '' : `: ${host.message}`;
  const what = host.state === 'UP' ? 'did not answer when it was last looked at' : `is ${host.state}`;
  return () => ({ reason: `${what}${why}`, permanent: host.state === 'REFUSED' });
};
