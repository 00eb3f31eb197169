import { createHash } from 'node:crypto';
import { refuseIfAny } from '../domain/checks.js';
import { canonicalJson } from './idempotency.js';

const HASH_BYTES = 6;
const MAX_TOKEN = 100;

/**
 * A token for the page behind `position`. It grants nothing; the hash in it is of the list's other arguments (`args`) and of the position, so that a
 * token that was mixed up or damaged is refused instead of continuing somewhere else.
 */
export function makePageToken(args: unknown, position: string): string {
  const token = Buffer.concat([hashOf(args, position), Buffer.from(position)]).toString('base64url');
  if (token.length > MAX_TOKEN) throw new RangeError(`the position ${position} is too long for a page token`);
  return token;
}

/** The position that a token stands for; null for the empty token, which is the first page. Throws INVALID_ARGUMENT for any other text. */
export function readPageToken(args: unknown, token: string): string | null {
  if (token === '') return null;
  const position = Buffer.from(token, 'base64url').subarray(HASH_BYTES).toString();
  if (position === '' || makePageToken(args, position) !== token) refuseIfAny([FOREIGN]);
  return position;
}

const FOREIGN = {
  field: 'page_token',
  description: 'is not a token of this list: it is good only with the arguments that it was returned for',
};

function hashOf(args: unknown, position: string): Buffer {
  return createHash('sha256')
    .update(canonicalJson([args, position]))
    .digest()
    .subarray(0, HASH_BYTES);
}
