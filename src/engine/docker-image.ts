import { engineError } from './docker-errors.js';
import { listOf, member, numberOf, textOf, textsOf } from './docker-json.js';
import { canonicalReference, type ImageReference, parseReference, sameRepository } from './docker-reference.js';
import type { EngineScope } from './docker-scope.js';
import { EngineError, type EngineImage, type StoredImage } from './driver.js';

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

/** Those without any name, which are parts of others or were left behind by builds, are not among them. */
export async function listImages(scope: EngineScope, signal?: AbortSignal): Promise<readonly StoredImage[]> {
  const { client, timeouts } = scope;
  const read = { method: 'GET', mutates: false, timeoutMs: timeouts.read, signal } as const;
  const images = await client.call({ ...read, path: '/images/json', what: 'list images' });
  // Afterwards, so that one that is created meanwhile is seen to use its image.
  const what = 'list containers';
  const containers = await client.call({ ...read, path: '/containers/json', query: { all: 'true' }, what });
  const used = new Set(listOf(containers).map((container) => textOf(member(container, 'ImageID'))));
  return listOf(images)
    .map((image) => storedImage(image, used))
    .filter(({ tags, digests }) => tags.length + digests.length > 0);
}

function storedImage(image: unknown, used: ReadonlySet<string>): StoredImage {
  const named = (texts: readonly string[]) => texts.filter((text) => !text.startsWith('<none>'));
  const id = textOf(member(image, 'Id'));
  return {
    id,
    tags: named(textsOf(member(image, 'RepoTags'))).map(canonicalReference),
    digests: named(textsOf(member(image, 'RepoDigests'))),
    size: numberOf(member(image, 'Size')),
    inUse: used.has(id),
  };
}

export async function removeImage(scope: EngineScope, text: string, signal?: AbortSignal): Promise<void> {
  const what = `remove image ${text}`;
  const context = { host: scope.host, what, mutates: true };
  if (parseReference(text)?.kind !== 'name') throw engineError('PERMANENT', context, 'this is no name of an image');
  const request = { method: 'DELETE', path: `/images/${text}`, what, mutates: true } as const;
  await scope.client.call({ ...request, timeoutMs: scope.timeouts.slow, signal }).catch((error: unknown) => {
    if (!(error instanceof EngineError && error.kind === 'NOT_FOUND')) throw error;
  });
}

function repositoryDigest(known: readonly string[], reference: ImageReference): string | null {
  const digests = known.filter((entry) => /^[^@<]+@sha256:[0-9a-f]{64}$/.test(entry));
  if (reference.kind === 'id') return digests[0] ?? null;
  const own = digests.filter((entry) => sameRepository(entry.slice(0, entry.indexOf('@')), reference.repository));
  return own.find((entry) => entry.endsWith(`@${reference.digest}`)) ?? own[0] ?? null;
}
