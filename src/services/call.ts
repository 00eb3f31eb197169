/** What a service knows of the call that it serves, whatever the transport. */
export interface Call {
  /** Who asks: the name that is recorded as an operation's created_by. */
  readonly subject: string;
  /** The caller's idempotency key as it came; null where there was none. Reads ignore it. */
  readonly idempotencyKey: string | null;
  /** Milliseconds since the epoch, on our clock, at which the call ends unanswered. */
  readonly deadline: number;
  /** Aborted, with a DomainError as its reason, when the caller leaves or the deadline passes: nothing is begun any more. */
  readonly signal: AbortSignal;
  /** Throws the reason once `signal` is aborted. */
  throwIfEnded(): void;
  /** Aborted with `signal`, and also when the process begins to shut down: who waits answers with what there is. */
  readonly waiting: AbortSignal;
}
