import { randomUUID } from 'node:crypto';
import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { invalidArgument } from '../domain/errors.js';
import type { Call } from '../services/call.js';
import type { Surface } from './surfaces.js';

/** A call as grpc-js shows it; methods code their own messages. */
export type WireCall = ServerUnaryCall<Buffer, Buffer>;

/** What a handler knows of its call beside the request: what services know, and what only answering needs. */
export interface CallContext extends Call {
  readonly surface: Surface;
  /** The caller's `x-request-id` or `x-client-request-id`, else made here. */
  readonly requestId: string;
  /** What the call has caused, for its line in the log. */
  concerns?: { readonly operation: string; readonly container: string; readonly revision: string | null } | undefined;
}

/** Ids of requests go into logs and back into headers: short and printable, or they are not taken. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,256}$/;

export function requestIdOf(metadata: Metadata): string {
  const given = first(metadata, 'x-request-id') ?? first(metadata, 'x-client-request-id');
  return given !== null && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Throws INVALID_ARGUMENT for a key that is too long or not printable: ignoring it would run a repeated request twice. */
export function idempotencyKeyOf(metadata: Metadata): string | null {
  const given = first(metadata, 'idempotency-key') ?? first(metadata, 'x-idempotency-key');
  if (given === null || IDEMPOTENCY_KEY.test(given)) return given;
  throw invalidArgument([{ field: 'idempotency-key', description: 'has to be 1 to 256 printable ASCII characters' }]);
}

/** The caller's deadline; null where it set none. */
export function deadlineOf(call: WireCall): number | null {
  const deadline = call.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(at) ? at : null;
}

function first(metadata: Metadata, key: string): string | null {
  const [value] = metadata.get(key);
  return value === undefined || value.length === 0 ? null : value.toString();
}
