import { member, numberOf, textOf } from './docker-json.js';
import { shorten } from './docker-text.js';
import { EngineError, type EngineErrorKind, type EngineErrorReason } from './driver.js';

/** What a call was, for classifying and naming its failure. */
export interface CallContext {
  readonly host: string;
  /** For people: `start ls-…-f3`. */
  readonly what: string;
  /** Whether the call changes something, so that its outcome is unknown when no answer came. */
  readonly mutates: boolean;
}

/** Our own end of a call: its time was up, or the caller left. */
export class CallEnded extends Error {
  override readonly name = 'CallEnded';
}

/** Turns whatever a call failed with into an EngineError; one that is one already stays as it is. */
export function toEngineError(error: unknown, context: CallContext): EngineError {
  if (error instanceof EngineError) return error;
  const status = numberOf(member(error, 'statusCode'));
  if (status > 0) {
    const text = answerOf(error);
    return engineError(kindOfStatus(status, text), context, text, error, reasonOf(text));
  }
  const text = textOf(member(error, 'message')) || String(error);
  return engineError(kindOfFault(error, context), context, text, error);
}

/** What the engine said with an error status. Of a request for a stream the modem keeps it in its own message only. */
export function answerOf(error: unknown): string {
  const message = textOf(member(error, 'message')).replace(/^\(HTTP code \d+\) .*? - /, '');
  return textOf(member(error, 'json', 'message')) || message;
}

export function engineError(
  kind: EngineErrorKind,
  context: CallContext,
  text: string,
  cause?: unknown,
  reason: EngineErrorReason | null = null,
): EngineError {
  return new EngineError(kind, context.host, shorten(`${context.what}: ${text}`), { cause, reason });
}

/** By the words: engines report all of these as a 500 like any other. */
const REASONS: readonly (readonly [EngineErrorReason, RegExp])[] = [
  ['PORT_TAKEN', /port is already allocated|address already in use|ports are not available/i],
  // NVIDIA's hook, and an engine that gets its GPUs from CDI.
  ['GPU_GONE', /device error: \S+: unknown device|unresolvable CDI devices?/i],
  ['DISK_FULL', /no space left on device/i],
  // What containerd says of a task that is there though its container could be deleted: such a task has no process that anything could run in.
  ['HALF_STARTED', /\btask [0-9a-f]{64}: already exists/],
  // Docker 20.10, of a container of containerd's that could not be deleted because it has a task, begun or not. Later ones end that task.
  ['RUNS_UNSEEN', /\bid already in use/],
];

export function reasonOf(text: string): EngineErrorReason | null {
  return REASONS.find(([, words]) => words.test(text))?.[0] ?? null;
}

function kindOfStatus(status: number, text: string): EngineErrorKind {
  // A start also answers 404 for the network that the container hangs on: only a new container mends that.
  if (status === 404) return /network \S+ not found/i.test(text) ? 'PERMANENT' : 'NOT_FOUND';
  // Somebody else's removal is on its way; what it leaves is seen by observing again.
  if (status === 409) return /removal of container .* is already in progress/i.test(text) ? 'TRANSIENT' : 'CONFLICT';
  if (status === 408 || status === 429 || status >= 500) return permanentAs500(text) ? 'PERMANENT' : 'TRANSIENT';
  return 'PERMANENT';
}

/** Faults that engines report as 500 though trying again never helps. */
function permanentAs500(text: string): boolean {
  return /could not select device driver|unknown device|unknown runtime specified|unknown or invalid runtime/i.test(
    text,
  );
}

/** No answer: either nothing left us, or nobody knows. */
function kindOfFault(error: unknown, context: CallContext): EngineErrorKind {
  if (neverSent(error)) return 'UNREACHABLE';
  return context.mutates ? 'UNKNOWN_OUTCOME' : 'UNREACHABLE';
}

/** A connection that was never made, or whose handshake failed: under TLS 1.3 the engine refuses our certificate after it. */
function neverSent(error: unknown): boolean {
  const syscall = textOf(member(error, 'syscall'));
  const code = textOf(member(error, 'code'));
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  return /^(ERR_TLS_CERT|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_SSL_.*(ALERT|WRONG_VERSION))/.test(
    code,
  );
}
