import { createHash } from 'node:crypto';
import { refuseIfAny } from '../domain/checks.js';
import { canonicalJson } from './idempotency.js';

const HASH_BYTES = 6;
const MAX_TOKEN = 100;

/**
 * A token for the page behind `position`. It is good only with `args`, the list's other arguments: it grants nothing, and it carries a hash of
 * them so that a mixed-up token is refused instead of continuing another list.
 */
export function makePageToken(args: unknown, position: string): string {
  const token = Buffer.concat([hashOf(args), Buffer.from(position)]).toString('base64url');
  if (token.length > MAX_TOKEN)
    throw new RangeError(`a position of ${position.length} characters is too long for a page token`);
  return token;
}

/** The position that a token stands for; null for the empty token, which is the first page. Throws INVALID_ARGUMENT for any other text. */
export function readPageToken(args: unknown, token: string): string | null {
  if (token === '') return null;
  const bytes = Buffer.from(token, 'base64url');
  const position = bytes.subarray(HASH_BYTES).toString();
  const genuine =
    bytes.length > HASH_BYTES &&
    bytes.subarray(0, HASH_BYTES).equals(hashOf(args)) &&
    Buffer.concat([bytes.subarray(0, HASH_BYTES), Buffer.from(position)]).toString('base64url') === token;
  if (!genuine)
    refuseIfAny([
      {
        field: 'page_token',
        description: 'is not a token of this list: repeat the arguments that it was returned for',
      },
    ]);
  return position;
}

function hashOf(args: unknown): Buffer {
  return createHash('sha256').update(canonicalJson(args)).digest().subarray(0, HASH_BYTES);
}
