import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Any } from '../../gen/ts/google/protobuf/any.js';
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '../../gen/ts/google/rpc/error_details.js';
import { Status } from '../../gen/ts/google/rpc/status.js';
import { DomainError, type Failure } from '../domain/errors.js';
import { packAny } from './any.js';
import { toMap } from './mapping/values.js';
import { LONGSHORE } from './surfaces.js';

/** ErrorInfo.domain of everything that we report. */
const DOMAIN = 'longshore';

/**
 * Errors travel in HTTP/2 headers, and common clients refuse more than 8 KiB of them. The details are base64 and the
 * message percent-encoded (up to three times as long) there. What an operation stores is not cut.
 */
const MAX_DETAILS_BYTES = 4096;
const MAX_MESSAGE_BYTES = 900;

/** What the caller is told of a fault that is not meant for callers. The request's id leads to the log. */
const OPAQUE: Failure = { code: 'INTERNAL', reason: 'INTERNAL', message: 'internal error' };

/** The failure to answer with. `unexpected` says that the error is to be logged whole, because the caller does not see it. */
export function toFailure(error: unknown): { readonly failure: Failure; readonly unexpected: boolean } {
  return error instanceof DomainError
    ? { failure: error.failure, unexpected: false }
    : { failure: OPAQUE, unexpected: true };
}

/** A failure as google.rpc.Status: what an operation carries in `error`, and what goes into `grpc-status-details-bin`. */
export function toRpcStatus(failure: Failure, requestId?: string): Status {
  return { code: status[failure.code], message: failure.message, details: details(failure, requestId) };
}

/** A failure as the end of a call. No response headers go before it, so that it is sent as trailers only. */
export function toCallStatus(failure: Failure, requestId: string): Partial<StatusObject> {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  const message = cut(failure.message, MAX_MESSAGE_BYTES);
  const fitted = fit({ ...failure, message }, requestId);
  metadata.set('grpc-status-details-bin', Buffer.from(Status.encode(fitted).finish()));
  return { code: status[failure.code], details: message, metadata };
}

function details(failure: Failure, requestId: string | undefined): Any[] {
  const { fields = [], preconditions = [], quota = [], resource, retryAfterMs } = failure;
  const metadata = toMap(failure.metadata ?? {});
  const found = [packAny(LONGSHORE, ErrorInfo, { reason: failure.reason, domain: DOMAIN, metadata })];
  if (fields.length > 0) {
    const fieldViolations = fields.map((violation) => ({ ...violation, reason: '', localizedMessage: undefined }));
    found.push(packAny(LONGSHORE, BadRequest, { fieldViolations }));
  }
  if (preconditions.length > 0) {
    found.push(packAny(LONGSHORE, PreconditionFailure, { violations: [...preconditions] }));
  }
  if (quota.length > 0) {
    found.push(packAny(LONGSHORE, QuotaFailure, QuotaFailure.fromPartial({ violations: [...quota] })));
  }
  if (resource !== undefined) {
    const { type: resourceType, name: resourceName, description } = resource;
    found.push(packAny(LONGSHORE, ResourceInfo, { resourceType, resourceName, owner: '', description }));
  }
  if (retryAfterMs !== undefined) {
    const seconds = BigInt(Math.floor(retryAfterMs / 1000));
    const nanos = Math.floor(retryAfterMs % 1000) * 1_000_000;
    found.push(packAny(LONGSHORE, RetryInfo, { retryDelay: { seconds, nanos } }));
  }
  if (requestId !== undefined) found.push(packAny(LONGSHORE, RequestInfo, { requestId, servingData: '' }));
  return found;
}

/** Halves the lists of violations until the details fit; what is always there (reason, request) is small. */
function fit(failure: Failure, requestId: string): Status {
  const fitted = toRpcStatus(failure, requestId);
  if (Status.encode(fitted).finish().length <= MAX_DETAILS_BYTES) return fitted;
  const { fields = [], preconditions = [], quota = [] } = failure;
  if (Math.max(fields.length, preconditions.length, quota.length) > 1) {
    const half = <T>(list: readonly T[]) => list.slice(0, Math.ceil(list.length / 2));
    return fit({ ...failure, fields: half(fields), preconditions: half(preconditions), quota: half(quota) }, requestId);
  }
  const { code, reason, message } = failure;
  return toRpcStatus({ code, reason, message }, requestId);
}

/** At most so many bytes of UTF-8, and well-formed: a lone surrogate makes the percent-encoding throw. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return encoded.toString();
  let end = bytes;
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${encoded.toString('utf8', 0, end)}...`;
}
