import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../domain/route.js';
import type { Admission, Admitted } from './admission.js';
import { answerError, breakOff, IngressError } from './errors.js';
import { faultOf, hasBody, reasonOf, requestHeaders, requestIdOf, responseHeaders, trailersOf } from './headers.js';
import { forwardInterim } from './interim.js';
import type { RequestDone, SparseLog } from './log.js';
import { mayHaveSent, type Upstreams, whenConnected } from './upstream.js';

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

/** Forwards one request. */
export function proxy(deps: ProxyDeps, request: IncomingMessage, response: ServerResponse): void {
  new Exchange(deps, request, response).start();
}

/**
 * One request on its way. It is sent at most once: another instance is tried only if no connection to the first was established.
 * Its body is read only when there is a connection to write it to, so that it is still whole in that case.
 */
class Exchange {
  readonly #deps: ProxyDeps;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #startedAt: number;
  readonly #tried = new Set<string>();
  #containerId: string | null = null;
  #deadline: NodeJS.Timeout | undefined;
  #waiting: AbortController | null = null;
  #upstream: ClientRequest | null = null;
  #callerLeft = false;
  #answered = false;
  #silentEarly = false;

  constructor(deps: ProxyDeps, request: IncomingMessage, response: ServerResponse) {
    this.#deps = deps;
    this.#request = request;
    this.#response = response;
    this.#requestId = requestIdOf(request);
    this.#startedAt = deps.now();
  }

  start(): void {
    this.#response.once('close', () => this.#closed());
    this.#response.on('error', () => breakOff(this.#response));
    this.#request.on('error', () => undefined);
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
    if (this.#callerLeft || this.#answered) {
      admitted.release();
      return;
    }
    try {
      this.#upstream = this.#attempt(admitted);
    } catch (error) {
      admitted.release();
      this.#fail(new IngressError(400, 'the request cannot be forwarded', null, { cause: error }));
    }
  }

  #attempt(admitted: Admitted): ClientRequest {
    const { method = 'GET', url = '/' } = this.#request;
    const headers = requestHeaders(this.#request, {
      requestId: this.#requestId,
      proto: this.#deps.proto,
      upgrade: false,
    });
    const idleMs = this.#deps.streamIdleMs;
    const message = { method, path: url, headers, idleMs };
    const upstream = this.#deps.upstreams.request(this.#containerId ?? '', admitted.target, message);
    upstream.once('close', () => this.#upstreamClosed(admitted));
    upstream.on('error', (error) => this.#upstreamFailed(upstream, admitted, error));
    upstream.once('response', (answer) => this.#answer(upstream, answer));
    upstream.once('upgrade', (answer, socket) => {
      socket.on('error', () => undefined).destroy();
      this.#answer(upstream, answer);
    });
    upstream.on('timeout', () => this.#silent(upstream));
    forwardInterim(this.#request, this.#response, upstream, () =>
      this.#fail(new IngressError(502, 'the container sent too many interim responses')),
    );
    if (hasBody(this.#request)) whenConnected(upstream, () => this.#sendBody(upstream));
    else upstream.end();
    return upstream;
  }

  #sendBody(upstream: ClientRequest): void {
    if (this.#callerLeft || this.#answered) return;
    const request = this.#request;
    upstream.flushHeaders();
    request.pipe(upstream, { end: false });
    request.once('end', () => {
      try {
        if (request.rawTrailers.length > 0) upstream.addTrailers(trailersOf(request));
        upstream.end();
      } catch (error) {
        this.#fail(new IngressError(400, 'the request cannot be forwarded', null, { cause: error }));
      }
    });
  }

  #answer(upstream: ClientRequest, answer: IncomingMessage): void {
    if (this.#callerLeft || this.#answered) {
      upstream.destroy();
      return;
    }
    const fault = faultOf(answer);
    if (fault !== null) return this.#fail(fault);
    clearTimeout(this.#deadline);
    // Node reports a request's silence once; it was let pass, so what follows needs a watch of its own.
    if (this.#silentEarly) upstream.socket?.once('timeout', () => this.#silent(upstream));
    try {
      const headers = responseHeaders(answer, this.#requestId);
      if (this.#mustClose()) headers.push('Connection', 'close');
      this.#response.writeHead(answer.statusCode ?? 502, reasonOf(answer), headers);
    } catch (error) {
      // Half a header may be set already, so there is no answer of ours to give.
      this.#deps.log.warn(
        `answer ${this.#containerId}`,
        { requestId: this.#requestId, error: String(error) },
        'an answer cannot be passed on',
      );
      upstream.destroy();
      breakOff(this.#response);
      return;
    }
    this.#answered = true;
    answer.on('error', () => breakOff(this.#response));
    answer.pipe(this.#response, { end: false });
    answer.once('end', () => this.#answerEnded(answer));
  }

  #answerEnded(answer: IncomingMessage): void {
    try {
      if (answer.rawTrailers.length > 0) this.#response.addTrailers(trailersOf(answer));
    } catch {
      return breakOff(this.#response);
    }
    this.#response.end();
    const unsent = this.#response.socket?.writableLength ?? 0;
    if (unsent > 0) this.#response.setTimeout(this.#deps.streamIdleMs, () => breakOff(this.#response));
    this.#linger();
  }

  /** Before the response's headers the deadline alone counts. */
  #silent(upstream: ClientRequest): void {
    if (this.#answered) upstream.destroy(new Error('silent for too long'));
    else this.#silentEarly = true;
  }

  #upstreamFailed(upstream: ClientRequest, admitted: Admitted, error: Error): void {
    if (this.#upstream !== upstream || this.#callerLeft) return;
    if (this.#answered) {
      if (this.#response.writableEnded) this.#request.unpipe(upstream).resume();
      else breakOff(this.#response);
      return;
    }
    const { instanceId } = admitted.target;
    if (mayHaveSent(upstream)) {
      this.#fail(
        new IngressError(502, 'the container ended the connection without a whole answer', null, { cause: error }),
      );
      return;
    }
    this.#deps.log.warn(instanceId, { instanceId, error: error.message }, 'no connection to an instance');
    this.#tried.add(instanceId);
    admitted.release();
    try {
      this.#admit(this.#containerId ?? '');
    } catch (refused) {
      this.#fail(refused);
    }
  }

  /** The last word on a connection: nobody waits for an answer that cannot come any more, whatever Node made of its end. */
  #upstreamClosed(admitted: Admitted): void {
    admitted.release();
    if (!this.#tried.has(admitted.target.instanceId))
      this.#fail(new IngressError(502, 'the container ended the connection without an answer'));
  }

  #timedOut(afterMs: number): void {
    this.#fail(new IngressError(504, `the container did not answer within ${afterMs / 1000} s`));
  }

  #fail(error: unknown): void {
    if (this.#callerLeft || this.#answered) return;
    this.#answered = true;
    clearTimeout(this.#deadline);
    this.#waiting?.abort();
    const upstream = this.#upstream;
    if (upstream !== null) this.#request.unpipe(upstream);
    upstream?.destroy();
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

  /** A caller that waits for 100 and gets an answer instead may or may not send its body: the connection has no next request. */
  #mustClose(): boolean {
    return this.#deps.stopping() || (this.#request.headers.expect !== undefined && !this.#request.complete);
  }

  #linger(): void {
    if (this.#request.complete) return;
    const timer = setTimeout(() => this.#request.socket.destroy(), this.#deps.lingerMs);
    this.#request.once('close', () => clearTimeout(timer));
  }

  #closed(): void {
    const whole = this.#response.writableFinished;
    clearTimeout(this.#deadline);
    this.#deps.observe({
      containerId: this.#containerId,
      status: whole ? this.#response.statusCode : 499,
      durationMs: this.#deps.now() - this.#startedAt,
    });
    if (whole && this.#answered) return;
    // Left, or refused by the listener because its body did not parse.
    this.#callerLeft = true;
    this.#waiting?.abort();
    this.#upstream?.destroy();
  }
}
