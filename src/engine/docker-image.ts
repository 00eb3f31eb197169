import { engineError } from './docker-errors.js';
import { member, textOf, textsOf } from './docker-json.js';
import { type ImageReference, parseReference, sameRepository } from './docker-reference.js';
import type { EngineScope } from './docker-scope.js';
import { EngineError, type EngineImage } from './driver.js';

/** The image as the engine has it, or null. */
export async function findImage(scope: EngineScope, text: string, signal?: AbortSignal): Promise<EngineImage | null> {
  const what = `inspect image ${text}`;
  const reference = parseReference(text);
  if (reference === null)
    throw engineError('PERMANENT', { host: scope.host, what, mutates: false }, 'this is no image reference');
  try {
    const path = `/images/${text}/json`;
    const inspect = await scope.client.call({
      method: 'GET',
      path,
      what,
      mutates: false,
      timeoutMs: scope.timeouts.read,
      signal,
    });
    return imageOf(inspect, reference);
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'NOT_FOUND') return null;
    throw error;
  }
}

/**
 * The answer of GET /images/{reference}/json. An image may be known under digests of several repositories; the one of the
 * reference's own repository counts, and for a reference by id the first.
 */
export function imageOf(inspect: unknown, reference: ImageReference): EngineImage {
  const id = textOf(member(inspect, 'Id'));
  const pullReference = repositoryDigest(textsOf(member(inspect, 'RepoDigests')), reference);
  const test = textsOf(member(inspect, 'Config', 'Healthcheck', 'Test'));
  return {
    id,
    digest: pullReference === null ? id : pullReference.slice(pullReference.indexOf('@') + 1),
    pullReference,
    healthCheck: test.length > 0 && test[0] !== 'NONE',
  };
}

function repositoryDigest(known: readonly string[], reference: ImageReference): string | null {
  const digests = known.filter((entry) => /^[^@<]+@sha256:[0-9a-f]{64}$/.test(entry));
  if (reference.kind === 'id') return digests[0] ?? null;
  const own = digests.filter((entry) => sameRepository(entry.slice(0, entry.indexOf('@')), reference.repository));
  return own.find((entry) => entry.endsWith(`@${reference.digest}`)) ?? own[0] ?? null;
}
