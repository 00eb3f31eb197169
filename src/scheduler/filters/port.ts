import type { Filter } from '../placement.js';
import { hasPort } from '../port.js';

/** A port to publish on, where one is needed. */
export const portFilter: Filter = ({ needsPort }, snapshot) => {
  if (!needsPort || hasPort(snapshot)) return null;
  const { first, last } = snapshot.host.ports;
  return () =>
    last < first
      ? { reason: 'has no ports to publish on', permanent: true }
      : { reason: `has no port left of ${first}-${last}`, permanent: false };
};
