/** gRPC's canonical codes, by name: what a failure means to the caller, whatever the transport. */
export type ErrorCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'UNAUTHENTICATED';

/** One argument that is wrong: the field's path in proto names (`image_spec.image_url`), what is wrong and how to mend it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** One condition that the request needs and that does not hold, as google.rpc.PreconditionFailure.Violation. */
export interface PreconditionViolation {
  readonly type: string;
  readonly subject: string;
  readonly description: string;
}

/** The machine-readable half of a failure. Everything here is safe to show to the caller and safe to store. */
export interface Failure {
  readonly code: ErrorCode;
  /** UPPER_SNAKE_CASE, stable: clients compare it (google.rpc.ErrorInfo.reason). */
  readonly reason: string;
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
  readonly preconditions?: readonly PreconditionViolation[];
  readonly quota?: readonly { readonly subject: string; readonly description: string }[];
  readonly resource?: { readonly type: string; readonly name: string; readonly description: string };
  /** Milliseconds after which trying again may help (google.rpc.RetryInfo). */
  readonly retryAfterMs?: number;
}

/** The one error that may leave a service: its failure is meant for the caller. Everything else is logged whole and answered opaque. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  constructor(
    readonly failure: Failure,
    options?: { cause?: unknown },
  ) {
    super(failure.message, options);
  }
}

/** An argument error that lists every violation at once. */
export function invalidArgument(fields: readonly FieldViolation[], reason = 'INVALID_ARGUMENT'): DomainError {
  const message = fields.map((violation) => `${violation.field}: ${violation.description}`).join('; ');
  return new DomainError({ code: 'INVALID_ARGUMENT', reason, message, fields });
}

/** `type` is the noun ("container"), `id` what the caller asked for. */
export function notFound(type: string, id: string): DomainError {
  const message = `${type} ${id} does not exist`;
  return new DomainError({
    code: 'NOT_FOUND',
    reason: `${type.toUpperCase().replaceAll(' ', '_')}_NOT_FOUND`,
    message,
    resource: { type: `longshore/${type}`, name: id, description: message },
  });
}

/** A fault of something the request depends on (Redis, an engine): nothing was decided, the same request may be sent again. */
export function unavailable(reason: string, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
  const { cause, retryAfterMs = 1000 } = options;
  return new DomainError({ code: 'UNAVAILABLE', reason, message, retryAfterMs }, { cause });
}
