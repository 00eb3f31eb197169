import { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Admitted } from './admission.js';
import { breakOffSocket, IngressError, rawError } from './errors.js';
import {
  answerOf,
  faultOf,
  hasBody,
  headOf,
  reasonOf,
  requestHeaders,
  requestIdOf,
  responseHeaders,
} from './headers.js';
import { MAX_INTERIM } from './interim.js';
import type { RequestDone } from './log.js';
import type { ProxyDeps } from './proxy.js';
import { mayHaveSent } from './upstream.js';

/** How an instance took the request for an upgrade. */
type Outcome =
  | { readonly kind: 'UPGRADED'; readonly answer: IncomingMessage; readonly upstream: Duplex; readonly head: Buffer }
  | { readonly kind: 'REFUSED'; readonly answer: IncomingMessage }
  | { readonly kind: 'UNREACHED' };

/**
 * Whether this is an upgrade to carry through. Clients offer h2c in passing and are content with an answer in HTTP/1.1, and a
 * request with a body must be parsed to find its end: these are ordinary requests.
 */
export function isTunnel(request: IncomingMessage): boolean {
  return !hasBody(request) && !/\bh2c\b/i.test(request.headers.upgrade ?? '');
}

/** The request as bytes, without its offer to upgrade: to be parsed again as an ordinary one. */
export function withoutUpgrade(request: IncomingMessage): Buffer {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? '';
    if (!/^(upgrade|http2-settings)$/i.test(name))
      lines.push(`${name}: ${dropUpgradeToken(name, request.rawHeaders[index + 1] ?? '')}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function dropUpgradeToken(name: string, value: string): string {
  if (name.toLowerCase() !== 'connection') return value;
  const kept = value.split(',').filter((token) => !/^\s*(upgrade|http2-settings)\s*$/i.test(token));
  return kept.length === 0 ? 'keep-alive' : kept.join(',');
}

/**
 * Carries an upgrade (WebSocket and others) through on a connection of its own. It counts as one request in flight on its instance
 * until either side closes; there is a deadline to the answer and none after it.
 */
export async function upgrade(deps: ProxyDeps, request: IncomingMessage, caller: Duplex, head: Buffer): Promise<void> {
  const requestId = requestIdOf(request);
  const startedAt = deps.now();
  const end = new AbortController();
  let containerId: string | null = null;
  let status = 499;
  let answeredBy: RequestDone['answeredBy'] = 'INGRESS';
  let deadline: NodeJS.Timeout | undefined;
  caller.on('error', () => caller.destroy());
  caller.once('close', () => {
    clearTimeout(deadline);
    end.abort(new Error('the caller left'));
    deps.observe({ containerId, status, answeredBy, durationMs: deps.now() - startedAt });
  });
  try {
    const route = deps.routeOf(request);
    containerId = route.containerId;
    const late = new IngressError(504, `the container did not answer within ${route.executionTimeoutMs / 1000} s`);
    if (route.executionTimeoutMs > 0) deadline = setTimeout(() => end.abort(late), route.executionTimeoutMs);
    const outcome = await reach(deps, request, requestId, containerId, end.signal);
    clearTimeout(deadline);
    status = outcome.answer.statusCode ?? 502;
    answeredBy = 'INSTANCE';
    if (outcome.kind === 'UPGRADED') tunnel(outcome, caller, head, requestId, deps.lingerMs);
    else relayRefusal(request, outcome.answer, caller, requestId);
  } catch (error) {
    const known = error instanceof IngressError ? error : new IngressError(502, 'the request failed');
    end.abort(known);
    status = known.status;
    if (known !== error && !caller.destroyed)
      deps.log.warn(`upgrade ${containerId}`, { containerId, requestId, error: String(error) }, 'an upgrade failed');
    caller.end(rawError(known, requestId), () => caller.destroy());
  }
}

/** Tries instances until one takes the connection. Throws IngressError or the signal's reason. */
async function reach(
  deps: ProxyDeps,
  request: IncomingMessage,
  requestId: string,
  containerId: string,
  signal: AbortSignal,
): Promise<Exclude<Outcome, { kind: 'UNREACHED' }>> {
  const tried = new Set<string>();
  for (;;) {
    const admitted = deps.admission.now(containerId, tried) ?? (await deps.admission.later(containerId, tried, signal));
    const outcome = await attempt(deps, request, requestId, admitted, signal);
    if (outcome.kind !== 'UNREACHED') return outcome;
    tried.add(admitted.target.instanceId);
  }
}

function attempt(
  deps: ProxyDeps,
  request: IncomingMessage,
  requestId: string,
  admitted: Admitted,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise<Outcome>((resolve, reject) => {
    const upstream = openRequest(deps, request, requestId, admitted);
    let upgraded = false;
    const onAbort = () => upstream.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
    upstream.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      if (!upgraded) admitted.release();
      reject(new IngressError(502, 'the container ended the connection without an answer'));
    });
    upstream.on('error', (error) => {
      if (signal.aborted) reject(signal.reason as Error);
      else if (!mayHaveSent(upstream)) {
        admitted.release();
        resolve({ kind: 'UNREACHED' });
      } else
        reject(new IngressError(502, 'the container ended the connection without an answer', null, { cause: error }));
    });
    let interim = 0;
    upstream.on('information', () => {
      interim += 1;
      if (interim > MAX_INTERIM) upstream.destroy(new Error('too many interim responses'));
    });
    upstream.once('response', (answer) => {
      const fault = faultOf(answerOf(answer));
      if (fault === null) return resolve({ kind: 'REFUSED', answer });
      reject(fault);
      upstream.destroy();
    });
    upstream.once('upgrade', (answer, socket, head) => {
      upgraded = true;
      socket.once('close', admitted.release);
      socket.on('error', () => undefined);
      if (signal.aborted) socket.destroy();
      resolve({ kind: 'UPGRADED', answer, upstream: socket, head });
    });
    if (signal.aborted) onAbort();
    else upstream.end();
  });
}

function openRequest(deps: ProxyDeps, request: IncomingMessage, requestId: string, admitted: Admitted): ClientRequest {
  const headers = requestHeaders(request, { requestId, proto: deps.proto, upgrade: true });
  const { method = 'GET', url = '/' } = request;
  try {
    return deps.upstreams.requestAlone(admitted.target, { method, path: url, headers });
  } catch (error) {
    admitted.release();
    throw new IngressError(400, 'the request cannot be forwarded', null, { cause: error });
  }
}

function tunnel(
  { answer, upstream, head }: Extract<Outcome, { kind: 'UPGRADED' }>,
  caller: Duplex,
  callerHead: Buffer,
  requestId: string,
  lingerMs: number,
): void {
  const known = answerOf(answer);
  const fields = responseHeaders(known, requestId);
  fields.push('Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? '');
  caller.write(headOf(`HTTP/1.1 101 ${reasonOf(known)}`, fields), 'latin1');
  if (head.length > 0) upstream.unshift(head);
  if (callerHead.length > 0) caller.unshift(callerHead);
  upstream.on('error', () => caller.destroy());
  upstream.once('close', () => {
    const timer = setTimeout(() => caller.destroy(), lingerMs);
    caller.once('close', () => clearTimeout(timer));
    caller.end(() => caller.destroy());
  });
  caller.once('close', () => upstream.destroy());
  caller.pipe(upstream);
  upstream.pipe(caller);
}

/** What the caller sends after a refused upgrade was meant for the other protocol, so the connection ends here. */
function relayRefusal(request: IncomingMessage, answer: IncomingMessage, caller: Duplex, requestId: string): void {
  const response = new ServerResponse(request);
  response.assignSocket(request.socket);
  response.shouldKeepAlive = false;
  const known = answerOf(answer);
  response.writeHead(known.status, reasonOf(known), responseHeaders(known, requestId));
  answer.on('error', () => breakOffSocket(caller));
  // Nobody else tells a response that its socket has room again once the socket was given out for an upgrade.
  caller.on('drain', () => response.emit('drain'));
  answer.pipe(response);
  response.once('finish', () => caller.end(() => caller.destroy()));
}
