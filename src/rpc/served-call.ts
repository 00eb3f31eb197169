import { DomainError } from '../domain/errors.js';
import { type CallContext, deadlineOf, idempotencyKeyOf, type WireCall } from './call-context.js';
import type { Deadline, Deadlines } from './deadlines.js';
import type { Drain, InFlight } from './drain.js';
import type { Place } from './line.js';
import type { Surface } from './surfaces.js';

export interface ServedCallDeps {
  readonly surface: Surface;
  readonly drain: Drain;
  readonly requestId: string;
  readonly subject: string;
  /** For calls whose caller set no deadline. */
  readonly defaults: { readonly deadlineMs: number; readonly deadlines: Deadlines };
}

/** A request takes no longer from its caller to us, as a rule. */
const LONGEST_WAY_MS = 100;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A call under way: what its handler knows of it, and its end where that comes from outside the handler. */
export class ServedCall implements CallContext, InFlight {
  readonly surface: Surface;
  readonly requestId: string;
  readonly subject: string;
  readonly idempotencyKey: string | null;
  readonly deadline: number;
  concerns: CallContext['concerns'] = undefined;
  readonly #deadlines: Deadlines;
  /** One of the two is there: for the default deadline its place among the others, for the caller's own a timer. */
  readonly #place: Deadline | null = null;
  readonly #timer: NodeJS.Timeout | null = null;
  readonly #ended: (error: DomainError) => void;
  readonly #left = () => this.#leave();
  #wire: WireCall | null;
  #end: DomainError | null = null;
  // Most calls are answered without anybody having asked for their signal.
  #controller: AbortController | null = null;
  #waiting: AbortController | null = null;
  readonly #drain: Drain;
  readonly #inFlight: Place<InFlight>;

  /**
   * `ended` is called at most once, with the reason: the caller left, the deadline passed, or the server shut down. Throws for headers that are
   * refused, and where the server has shut down.
   */
  constructor(wire: WireCall, deps: ServedCallDeps, ended: (error: DomainError) => void) {
    this.surface = deps.surface;
    this.requestId = deps.requestId;
    this.subject = deps.subject;
    this.idempotencyKey = idempotencyKeyOf(wire.metadata);
    this.#drain = deps.drain;
    this.#inFlight = deps.drain.add(this);
    this.#ended = ended;
    this.#wire = wire;
    this.#deadlines = deps.defaults.deadlines;
    const deadline = deadlineOf(wire);
    if (deadline === null) {
      this.deadline = Date.now() + deps.defaults.deadlineMs;
      this.#place = this.#deadlines.add(this);
    } else {
      this.deadline = deadline;
      const left = Math.max(deadline - Date.now(), 0);
      this.#timer = setTimeout(() => this.over(), Math.min(left, LONGEST_TIMER_MS));
    }
    wire.once('cancelled', this.#left);
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#end !== null) this.#controller.abort(this.#end);
    }
    return this.#controller.signal;
  }

  get waiting(): AbortSignal {
    if (this.#waiting === null) {
      this.#waiting = new AbortController();
      if (this.#end !== null) this.#waiting.abort(this.#end);
      else if (this.#drain.begun) this.hurry();
    }
    return this.#waiting.signal;
  }

  throwIfEnded(): void {
    if (this.#end !== null) throw this.#end;
  }

  /** The deadline has come. */
  over(): void {
    this.#endWith(ended('DEADLINE_EXCEEDED', 'the deadline of the call passed before it was answered'));
  }

  hurry(): void {
    this.#waiting?.abort();
  }

  cut(why: DomainError): void {
    this.#endWith(why);
  }

  /** It was answered: nothing from outside ends it any more. */
  close(): void {
    if (this.#wire === null) return;
    this.#wire.off('cancelled', this.#left);
    this.#wire = null;
    this.#drain.remove(this.#inFlight);
    if (this.#place !== null) this.#deadlines.remove(this.#place);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /**
   * At the deadline that a caller set grpc-js ends the call, and so does the caller: both look as if the caller had left. What is a deadline here
   * began to run when the request arrived, so the caller's is over a little earlier.
   */
  #leave(): void {
    if (Date.now() >= this.deadline - LONGEST_WAY_MS) this.over();
    else this.#endWith(ended('CANCELLED', 'the caller left'));
  }

  #endWith(why: DomainError): void {
    if (this.#wire === null) return;
    this.close();
    this.#end = why;
    this.#controller?.abort(why);
    this.#waiting?.abort(why);
    this.#ended(why);
  }
}

const ended = (code: 'CANCELLED' | 'DEADLINE_EXCEEDED', message: string): DomainError =>
  new DomainError({ code, reason: code, message });
