import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../domain/route.js';
import type { Admission, Admitted } from './admission.js';
import type { AnswerHead } from './answer-parser.js';
import { type Exchange, type ExchangeListener, LENT_BYTES, type UpstreamRequest } from './connection.js';
import { answerError, breakOff, IngressError } from './errors.js';
import {
  faultOf,
  hasBody,
  headOf,
  reasonOf,
  requestHeaders,
  requestIdOf,
  responseHeaders,
  trailersOf,
} from './headers.js';
import { Interim } from './interim.js';
import type { RequestDone, SparseLog } from './log.js';
import type { Upstreams } from './upstream.js';

export interface ProxyDeps {
  /** The route of the request's container. Throws IngressError where the request must be refused. */
  routeOf(request: IncomingMessage): Route;
  readonly admission: Admission;
  readonly upstreams: Upstreams;
  /** Whether callers' connections are to end with their present request. */
  stopping(): boolean;
  /** Silence within a response after which it is broken off. */
  readonly streamIdleMs: number;
  /** How long the rest of a request body is read after the answer, so that the caller gets to read the answer. */
  readonly lingerMs: number;
  /** How callers reach this ingress. */
  readonly proto: 'http' | 'https';
  readonly log: SparseLog;
  observe(done: RequestDone): void;
  /** Monotonic, in milliseconds. */
  now(): number;
}

const NONE: ReadonlySet<string> = new Set();
const ignore = () => undefined;

function breakOffThis(this: ServerResponse): void {
  breakOff(this);
}

/** Forwards one request. `left` is to be called when the response has closed, whether it was whole by then or not. */
export function proxy(deps: ProxyDeps, request: IncomingMessage, response: ServerResponse): Pick<Passage, 'left'> {
  const passage = new Passage(deps, request, response);
  passage.start();
  return passage;
}

/**
 * One request on its way. It is sent at most once: another instance is tried only if no connection to the first was established.
 * Its body is read only when there is a connection to write it to, so that it is still whole in that case.
 */
class Passage implements ExchangeListener {
  readonly #deps: ProxyDeps;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #startedAt: number;
  #tried = NONE;
  #containerId: string | null = null;
  #deadline: NodeJS.Timeout | undefined;
  #waiting: AbortController | null = null;
  #admitted: Admitted | null = null;
  #exchange: Exchange | null = null;
  #interim: Interim | null = null;
  #callerLeft = false;
  #answered = false;
  #refused = false;
  /** Whether the answer was ever faster than its caller. */
  #paused = false;
  /** Large parts of the answer that the kernel has yet to take. */
  #unwritten = 0;

  constructor(deps: ProxyDeps, request: IncomingMessage, response: ServerResponse) {
    this.#deps = deps;
    this.#request = request;
    this.#response = response;
    this.#requestId = requestIdOf(request);
    this.#startedAt = deps.now();
  }

  start(): void {
    this.#response.on('error', breakOffThis);
    this.#request.on('error', ignore);
    try {
      const route = this.#deps.routeOf(this.#request);
      this.#containerId = route.containerId;
      if (route.executionTimeoutMs > 0)
        this.#deadline = setTimeout(() => this.#timedOut(route.executionTimeoutMs), route.executionTimeoutMs);
      this.#admit(route.containerId);
    } catch (error) {
      this.#fail(error);
    }
  }

  #admit(containerId: string): void {
    const admitted = this.#deps.admission.now(containerId, this.#tried);
    if (admitted !== null) this.#send(admitted);
    else void this.#wait(containerId);
  }

  async #wait(containerId: string): Promise<void> {
    this.#waiting = new AbortController();
    try {
      this.#send(await this.#deps.admission.later(containerId, this.#tried, this.#waiting.signal));
    } catch (error) {
      this.#fail(error);
    }
  }

  #send(admitted: Admitted): void {
    if (this.#deps.upstreams.hasRested(admitted.target.instanceId)) setImmediate(() => this.#open(admitted));
    else this.#open(admitted);
  }

  #open(admitted: Admitted): void {
    if (this.#callerLeft || this.#answered) return admitted.release();
    this.#admitted = admitted;
    this.#exchange = this.#deps.upstreams.send(this.#containerId ?? '', admitted.target, this.#message(), this);
  }

  #message(): UpstreamRequest {
    const { method = 'GET', url = '/', headers } = this.#request;
    const context = { requestId: this.#requestId, proto: this.#deps.proto, upgrade: false };
    const head = headOf(`${method} ${url} HTTP/1.1`, requestHeaders(this.#request, context));
    const framing = headers['transfer-encoding'] === undefined ? 'LENGTH' : 'CHUNKED';
    return { head, body: hasBody(this.#request) ? framing : 'NONE', bodiless: method === 'HEAD' };
  }

  connected(): void {
    const request = this.#request;
    if (!hasBody(request)) return;
    request.on('data', (bytes: Buffer) => {
      if (this.#exchange !== null && !this.#exchange.write(bytes)) request.pause();
    });
    request.once('end', () => this.#exchange?.end(trailersOf(request.rawTrailers)));
  }

  drained(): void {
    this.#request.resume();
  }

  interim(head: AnswerHead): void {
    this.#interim ??= new Interim(this.#request, this.#response);
    if (!this.#interim.forward(head))
      this.#fail(new IngressError(502, 'the container sent too many interim responses'));
  }

  head(answer: AnswerHead): void {
    if (this.#callerLeft || this.#answered) return this.#leave();
    const fault = faultOf(answer);
    if (fault !== null) return this.#fail(fault);
    clearTimeout(this.#deadline);
    try {
      const headers = responseHeaders(answer, this.#requestId);
      if (this.#mustClose()) headers.push('Connection', 'close');
      this.#response.writeHead(answer.status, reasonOf(answer), headers);
    } catch (error) {
      // Half a header may be set already, so there is no answer of ours to give.
      this.#answered = true;
      this.#deps.log.warn(
        `answer ${this.#containerId}`,
        { requestId: this.#requestId, error: String(error) },
        'an answer cannot be passed on',
      );
      this.#leave();
      breakOff(this.#response);
      return;
    }
    this.#answered = true;
  }

  body(bytes: Buffer, last: boolean): void {
    if (this.#callerLeft || this.#passOn(bytes, last) || this.#exchange === null) return;
    this.#exchange.pause();
    if (this.#paused) return;
    this.#paused = true;
    this.#response.on('drain', () => this.#goOn());
  }

  #goOn(): void {
    if (this.#unwritten === 0) this.#exchange?.resume();
  }

  /** False: the caller has yet to take it, and reading goes on when it has. */
  #passOn(bytes: Buffer, last: boolean): boolean {
    const response = this.#response;
    // Less than that, and a stream that could not write it would not ask to wait.
    if (bytes.length < response.writableHighWaterMark) {
      // As text it is one with the header.
      const text = bytes.toString('latin1');
      if (last) response.end(text, 'latin1');
      return last || response.write(text, 'latin1');
    }
    const kept = bytes.length <= LENT_BYTES ? Buffer.from(bytes) : bytes;
    if (last) {
      response.end(kept);
      return true;
    }
    // Node says `drain` too early where another request waits on the connection.
    this.#unwritten += 1;
    const written = () => {
      this.#unwritten -= 1;
      this.#goOn();
    };
    // Node would write it in the next tick. Written now, most of it is through when this returns, so that reading goes on.
    const { socket } = response;
    socket?.cork();
    response.write(kept, written);
    socket?.uncork();
    return response.writableLength === 0;
  }

  ended(trailers: readonly string[]): void {
    if (this.#callerLeft) return;
    try {
      if (trailers.length > 0) this.#response.addTrailers(pairs(trailersOf(trailers)));
    } catch {
      return breakOff(this.#response);
    }
    if (!this.#response.writableEnded) this.#response.end();
    const unsent = this.#response.socket?.writableLength ?? 0;
    if (unsent > 0) this.#response.setTimeout(this.#deps.streamIdleMs, () => breakOff(this.#response));
    this.#linger();
  }

  closed(error: Error | null): void {
    const admitted = this.#admitted;
    const mayHaveSent = this.#exchange?.mayHaveSent ?? true;
    this.#admitted = null;
    this.#exchange = null;
    if (error !== null && !this.#callerLeft) this.#broken(error, admitted, mayHaveSent);
    admitted?.release();
  }

  #broken(error: Error, admitted: Admitted | null, mayHaveSent: boolean): void {
    if (this.#answered) {
      this.#request.resume();
      if (!this.#response.writableEnded) breakOff(this.#response);
      return;
    }
    if (mayHaveSent || admitted === null) {
      const cause = { cause: error };
      this.#fail(new IngressError(502, 'the container ended the connection without a whole answer', null, cause));
      return;
    }
    const { instanceId } = admitted.target;
    this.#deps.log.warn(instanceId, { instanceId, error: error.message }, 'no connection to an instance');
    this.#tried = new Set(this.#tried).add(instanceId);
    admitted.release();
    try {
      this.#admit(this.#containerId ?? '');
    } catch (refused) {
      this.#fail(refused);
    }
  }

  #timedOut(afterMs: number): void {
    this.#fail(new IngressError(504, `the container did not answer within ${afterMs / 1000} s`));
  }

  #fail(error: unknown): void {
    if (this.#callerLeft || this.#answered) return;
    this.#answered = true;
    this.#refused = true;
    clearTimeout(this.#deadline);
    this.#waiting?.abort();
    this.#leave();
    const known =
      error instanceof IngressError ? error : new IngressError(502, 'the request failed', null, { cause: error });
    if (known !== error || known.cause instanceof Error)
      this.#deps.log.warn(
        `request ${this.#containerId}`,
        {
          containerId: this.#containerId,
          requestId: this.#requestId,
          status: known.status,
          error: String(known.cause),
        },
        'a request failed',
      );
    answerError(this.#response, known, this.#requestId, this.#mustClose());
    this.#request.resume();
    this.#linger();
  }

  #leave(): void {
    this.#exchange?.destroy(new Error('the request is given up'));
  }

  /** A caller that waits for 100 and gets an answer instead may or may not send its body: the connection has no next request. */
  #mustClose(): boolean {
    return this.#deps.stopping() || (this.#request.headers.expect !== undefined && !this.#request.complete);
  }

  #linger(): void {
    if (this.#request.complete) return;
    const { socket } = this.#request;
    const timer = setTimeout(() => socket.destroy(), this.#deps.lingerMs);
    const over = () => {
      clearTimeout(timer);
      socket.removeListener('close', over);
      // Half a request is all that the instance will ever have.
      if (!this.#request.complete) this.#leave();
    };
    this.#request.once('close', over);
    // Node tells a request nothing more of its connection once the answer has gone out.
    socket.once('close', over);
  }

  left(): void {
    const whole = this.#response.writableFinished;
    clearTimeout(this.#deadline);
    this.#deps.observe({
      containerId: this.#containerId,
      status: whole ? this.#response.statusCode : 499,
      answeredBy: this.#answered && !this.#refused ? 'INSTANCE' : 'INGRESS',
      durationMs: this.#deps.now() - this.#startedAt,
    });
    if (whole && this.#answered) return;
    // Left, or refused by the listener because its body did not parse.
    this.#callerLeft = true;
    this.#waiting?.abort();
    this.#leave();
  }
}

function pairs(fields: readonly string[]): [string, string][] {
  return fields.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, fields[index + 1] ?? '']] : [],
  );
}
