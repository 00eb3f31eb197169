/** What a service knows of the call that it serves, whatever the transport. */
export interface Call {
  /** Who asks: the name that is recorded as an operation's created_by. */
  readonly subject: string;
  /** The caller's idempotency key as it came; null where there was none. Reads ignore it. */
  readonly idempotencyKey: string | null;
  /** Aborted when the caller leaves or the call's deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds until the call's deadline; null where it has none. */
  readonly timeLeftMs: number | null;
}
