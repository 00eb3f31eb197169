import type { Readable } from 'node:stream';
import type { CredentialSource, RegistryAuth } from './docker-auth.js';
import type { DockerClient } from './docker-client.js';
import { answerOf, type CallContext, CallEnded, engineError, reasonOf, toEngineError } from './docker-errors.js';
import { member, textOf } from './docker-json.js';
import { jsonLines } from './docker-lines.js';
import { pullProgress } from './docker-progress.js';
import type { ImageReference } from './docker-reference.js';
import { EngineError, type PullOptions } from './driver.js';

type NamedReference = Extract<ImageReference, { kind: 'name' }>;

interface PullDeps {
  readonly host: string;
  readonly client: DockerClient;
  readonly credentials: CredentialSource;
}

/** Pulls `reference` into the engine. The engine itself ends a pull whose caller has left. */
export async function pullImage(deps: PullDeps, reference: NamedReference, options: PullOptions): Promise<void> {
  const context: CallContext = { host: deps.host, what: `pull ${spelling(reference)}`, mutates: true };
  const auth = await credentialsFor(deps, reference, context, options.signal);
  const body = await openPull(deps.client, reference, auth, context, options);
  const stall = stallTimer(body, options.stallMs);
  const progress = pullProgress();
  try {
    for await (const line of jsonLines(body)) {
      stall.reset();
      const error = textOf(member(line, 'errorDetail', 'message')) || textOf(member(line, 'error'));
      if (error !== '') throw pullError(error, context);
      const sums = progress.add(line);
      if (sums !== null) options.onProgress(sums);
    }
  } catch (error) {
    // Trying again does no harm, so a stalled or broken stream is TRANSIENT; only the caller's own leaving stays as it is.
    if (error instanceof EngineError || options.signal?.aborted) throw toEngineError(error, context);
    throw engineError('TRANSIENT', context, textOf(member(error, 'message')) || String(error), error);
  } finally {
    stall.stop();
    body.destroy();
  }
}

async function credentialsFor(
  deps: PullDeps,
  reference: NamedReference,
  context: CallContext,
  signal?: AbortSignal,
): Promise<RegistryAuth | null> {
  try {
    return await deps.credentials(reference.registry, signal);
  } catch (error) {
    throw engineError('PERMANENT', context, textOf(member(error, 'message')) || 'credentials cannot be read', error);
  }
}

/** The engine answers with its first line of progress, so what is wrong before that comes as a status. */
async function openPull(
  client: DockerClient,
  reference: NamedReference,
  auth: RegistryAuth | null,
  context: CallContext,
  options: PullOptions,
): Promise<Readable> {
  try {
    return await client.stream({
      method: 'POST',
      path: '/images/create',
      // Without a tag the engine would pull every one there is.
      query: { fromImage: reference.repository, tag: reference.digest ?? reference.tag ?? 'latest' },
      ...(auth !== null && { auth }),
      what: context.what,
      mutates: true,
      timeoutMs: options.stallMs,
      signal: options.signal,
    });
  } catch (error) {
    const status = member(error, 'cause', 'statusCode');
    if (!(error instanceof EngineError) || typeof status !== 'number') throw stalled(error, context, options);
    const text = answerOf(error.cause);
    throw status === 404 ? notFound(text, context, error.cause) : pullError(text, context, error.cause);
  }
}

function stalled(error: unknown, context: CallContext, options: PullOptions): unknown {
  const unknown = error instanceof EngineError && error.kind === 'UNKNOWN_OUTCOME' && !options.signal?.aborted;
  return unknown ? engineError('TRANSIENT', context, `no progress within ${options.stallMs} ms`, error) : error;
}

/** What registries and engines say of an image that is not there. Before all else, as it quotes names, and those may hold any word. */
const NOT_FOUND =
  /(manifest|name)[ _]unknown|manifest for \S+ not found|pull access denied|repository (\S+ )?(not found|name not known|does not exist)|: not found$/i;
const TRANSIENT =
  /toomanyrequests|too many requests|timeout|timed out|connection refused|connection reset|no such host|temporary failure|unreachable|\bEOF\b|unexpected http status: 5|received unexpected http status|no space left|context canceled|server misbehaving/i;
const PERMANENT =
  /not found|unknown authority|denied|unauthorized|authentication required|no basic auth|incorrect username|invalid|forbidden|no matching manifest|unsupported|not supported|http response to https|must be lowercase|does not exist/i;

/** By the words: engines report a missing image and a registry that is down with the same status. */
export function pullError(text: string, context: CallContext, cause?: unknown): EngineError {
  if (NOT_FOUND.test(text)) return notFound(text, context, cause);
  const forGood = PERMANENT.test(text) && !TRANSIENT.test(text);
  return engineError(forGood ? 'PERMANENT' : 'TRANSIENT', context, text, cause, reasonOf(text));
}

function notFound(text: string, context: CallContext, cause: unknown): EngineError {
  return engineError('PERMANENT', context, text, cause, 'IMAGE_NOT_FOUND');
}

function spelling(reference: NamedReference): string {
  const tag = reference.tag === null ? '' : `:${reference.tag}`;
  return `${reference.repository}${tag}${reference.digest === null ? '' : `@${reference.digest}`}`;
}

function stallTimer(body: Readable, stallMs: number): { reset(): void; stop(): void } {
  const timer = setTimeout(() => body.destroy(new CallEnded(`no progress within ${stallMs} ms`)), stallMs);
  return { reset: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}
