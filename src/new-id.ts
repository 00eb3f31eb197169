import { randomFillSync } from 'node:crypto';
import { type IdKind, makeId, RANDOM_LENGTH } from './domain/ids.js';

const IDS_AT_ONCE = 256;

/** Makes ids from random bytes that are fetched for many at once: asking for them takes longer than all else that an id needs. */
export function createNewId(): (kind: IdKind) => string {
  const bytes = new Uint8Array(IDS_AT_ONCE * RANDOM_LENGTH);
  let used = bytes.length;
  return (kind) => {
    if (used === bytes.length) {
      randomFillSync(bytes);
      used = 0;
    }
    used += RANDOM_LENGTH;
    return makeId(kind, bytes.subarray(used - RANDOM_LENGTH, used));
  };
}
