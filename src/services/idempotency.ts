import { createHash } from 'node:crypto';
import { refuseIfAny } from '../domain/checks.js';
import type { Idempotency } from '../store/records.js';
import type { Call } from './call.js';

const MAX_KEY = 256;

/**
 * The idempotency record of a call, or null where it has no key. `request` is the normalised domain request, so that the two surfaces, and a
 * default that is spelled out or not, agree.
 */
export function idempotencyOf(call: Call, method: string, request: unknown): Idempotency | null {
  const key = call.idempotencyKey;
  if (key === null) return null;
  if (key === '' || key.length > MAX_KEY)
    refuseIfAny([{ field: 'idempotency-key', description: `the header must have 1 to ${MAX_KEY} characters` }]);
  return { key: digest(JSON.stringify([call.subject, method, key])), requestHash: digest(canonicalJson(request)) };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** JSON with the keys of every object in order, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
