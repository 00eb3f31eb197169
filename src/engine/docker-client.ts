import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { createAgent } from './docker-agent.js';
import type { RegistryAuth } from './docker-auth.js';
import type { EngineEndpoint } from './docker-endpoint.js';
import { type CallContext, CallEnded, engineError, toEngineError } from './docker-errors.js';

export interface DockerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash; every part that is not ours went through encodeURIComponent or parseReference. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly auth?: RegistryAuth;
  /** For people, in error messages: `start ls-…-f3`. */
  readonly what: string;
  /** False only for reads. */
  readonly mutates: boolean;
  /** Until the whole answer is there; of a stream until it begins. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** HTTP to one engine. All failures are EngineErrors. */
export interface DockerClient {
  /** The parsed JSON of the answer, or its bytes where it is none. 304, for what is so already, succeeds. */
  call(request: DockerRequest): Promise<unknown>;
  /** The answer's body as it comes; `signal` destroys it. */
  stream(request: DockerRequest): Promise<Readable>;
  close(): void;
}

type DockerModem = Docker['modem'];
type DialOptions = Parameters<DockerModem['dial']>[0];

const SUCCESS: DialOptions['statusCodes'] = { 200: true, 201: true, 204: true, 304: true };
const CONNECT_TIMEOUT_MS = 5_000;
/** More would only queue inside the engine. */
const MAX_CALLS = 32;
/** Event subscriptions, pulls and logs hold their connection for long, so they have some of their own. */
const MAX_STREAMS = 64;

/**
 * Dockerode carries the requests, but not through its methods per endpoint: those put a create body, environment included, into
 * the URL too, and not all of them can be aborted.
 */
export function createDockerClient(host: string, endpoint: EngineEndpoint): DockerClient {
  const limits = { connectTimeoutMs: CONNECT_TIMEOUT_MS };
  const agents = {
    call: createAgent(endpoint, { ...limits, maxSockets: MAX_CALLS }),
    stream: createAgent(endpoint, { ...limits, maxSockets: MAX_STREAMS }),
  };
  const modems = { call: modemOf(endpoint, agents.call), stream: modemOf(endpoint, agents.stream) };

  const send = async (request: DockerRequest, kind: 'call' | 'stream') => {
    const context: CallContext = { host, what: request.what, mutates: request.mutates };
    const end = new AbortController();
    const stopWatching = watch(request, end);
    try {
      if (end.signal.aborted) throw engineError('UNREACHABLE', context, 'cancelled before it was sent');
      return await dial(modems[kind], request, kind === 'stream', end.signal);
    } catch (error) {
      throw toEngineError(error, context);
    } finally {
      stopWatching();
    }
  };

  return {
    call: (request) => send(request, 'call'),
    stream: async (request) => {
      const body = await send(request, 'stream');
      if (!(body instanceof Readable)) throw new TypeError(`${request.what}: the answer is no stream`);
      const { signal } = request;
      const leave = () => body.destroy(new CallEnded('cancelled'));
      signal?.addEventListener('abort', leave, { once: true });
      body.once('close', () => signal?.removeEventListener('abort', leave));
      if (signal?.aborted) leave();
      return body;
    },
    close: () => {
      agents.call.destroy();
      agents.stream.destroy();
    },
  };
}

/** Ends `end` when the time is up or the caller leaves. Not AbortSignal.any, which keeps what it made on long-lived signals. */
function watch(request: DockerRequest, end: AbortController): () => void {
  const { signal, timeoutMs } = request;
  const leave = () => end.abort(new CallEnded('cancelled'));
  const timer = setTimeout(() => end.abort(new CallEnded(`no answer within ${timeoutMs} ms`)), timeoutMs);
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  };
}

/** Settles with the abort even when the modem does not: it never calls back when an answer breaks off in its middle. */
function dial(modem: DockerModem, request: DockerRequest, isStream: boolean, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(toError(signal.reason)), { once: true });
    const options: DialOptions = {
      // The modem appends `_query` to a path that ends so, and takes an empty `_body` for none.
      path: `${request.path}?`,
      options: { _query: request.query ?? {}, _body: request.body ?? {} },
      method: request.method,
      isStream,
      statusCodes: SUCCESS,
      abortSignal: signal,
      ...(request.auth !== undefined && { authconfig: { ...request.auth } }),
    };
    modem.dial(options, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new CallEnded(String(reason));
}

/** Everything is set, absent values too: what is left out the modem would take from DOCKER_HOST and its like. */
function modemOf(endpoint: EngineEndpoint, agent: ReturnType<typeof createAgent>): DockerModem {
  const tls = endpoint.kind === 'tcp' ? endpoint.tls : null;
  const protocol = tls === null ? 'http' : 'https';
  const options = {
    socketPath: endpoint.kind === 'unix' ? endpoint.path : undefined,
    host: endpoint.kind === 'unix' ? undefined : `${protocol}://${bracketed(endpoint.host)}`,
    port: endpoint.kind === 'unix' ? undefined : endpoint.port,
    protocol,
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    version: undefined,
    timeout: undefined,
    agent,
  } satisfies Docker.DockerOptions & { agent: typeof agent };
  const modem: DockerModem = new Docker(options).modem;
  return modem;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
