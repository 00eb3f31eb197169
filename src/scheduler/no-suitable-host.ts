import type { Failure } from '../domain/errors.js';
import { explained } from './place.js';
import type { NotPlaced } from './placement.js';

/** What a caller is told whose request no host could ever satisfy, host by host. */
export function noSuitableHost(refused: NotPlaced): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'NO_SUITABLE_HOST',
    message: `no host could ever run this revision: ${explained(refused)}`,
    preconditions: refused.reasons.map(({ host, reason }) => ({
      type: 'HOST_UNSUITABLE',
      subject: `host/${host}`,
      description: reason,
    })),
  };
}
