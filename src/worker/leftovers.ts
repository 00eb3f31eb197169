import type { ContainerRecord } from '../domain/container.js';
import { isActive } from '../domain/observed-instance.js';
import type { ObservedInstance } from '../engine/driver.js';
import type { Looked } from '../store/work.js';

/**
 * What a container of ours on an engine is, by what Redis says of it:
 * - WANTED: it has a record, and is the business of whoever works on its container
 * - REMOVED: its container was deleted, or it is a late create of a forgotten instance; nobody else looks for it here
 * - LEAVING: its record says that it is not to run, and its container's work stops it
 * - UNSETTLED: its container went while we looked
 * - ORPHAN: Redis knows nothing of it
 * - NEWER: it is from a future that Redis has lost
 */
export type Leftover = 'WANTED' | 'REMOVED' | 'LEAVING' | 'UNSETTLED' | 'ORPHAN' | 'NEWER';

/** `record`: of a container that could not be looked at (somebody works on it, or is about to), as of after the engine was listed. */
export function leftoverOf(instance: ObservedInstance, looked: Looked, record: ContainerRecord | null): Leftover {
  switch (looked) {
    case 'UNKNOWN':
      return 'ORPHAN';
    case 'DELETED':
      return 'REMOVED';
    case 'BUSY':
    case 'UNCLEAN':
      return record === null ? 'UNSETTLED' : judged(instance, record);
    default:
      return judged(instance, looked.record);
  }
}

function judged({ identity, state }: ObservedInstance, record: ContainerRecord): Leftover {
  if (identity.generation > record.state.generation) return 'NEWER';
  const known = record.state.instances.find(({ id }) => id === identity.instanceId);
  if (known === undefined) return state === 'CREATED' ? 'REMOVED' : 'ORPHAN';
  const rests = known.role === 'DISCARDED' || known.role === 'RETAINED';
  return rests && isActive(state) ? 'LEAVING' : 'WANTED';
}
