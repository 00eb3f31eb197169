import type { StoredImage } from '../engine/driver.js';

/** An image that we have pulled to a host. */
export interface Pulled {
  readonly imageId: string;
  readonly references: readonly string[];
  /** Redis time. */
  readonly usedAt: number;
}

export interface ImagePolicy {
  /** Bytes that the images of a host may take before any of them is removed. */
  readonly limitBytes: number;
  /** An image goes only when it has been out of use for so long. */
  readonly unusedForMs: number;
}

export interface Collection {
  /** Ids of those of ours that are in use. */
  readonly used: readonly string[];
  /** Ids of those of ours that the host does not have any more. */
  readonly gone: readonly string[];
  /** Longest out of use first, and no more than are needed. */
  readonly remove: readonly { readonly imageId: string; readonly references: readonly string[] }[];
}

/**
 * Where the images of a host take too much, those go that we have pulled, can pull again, and that nothing is made of. One that has a name which we did not
 * give it belongs to whoever did.
 */
export function collectImages(
  stored: readonly StoredImage[],
  pulled: readonly Pulled[],
  now: number,
  { limitBytes, unusedForMs }: ImagePolicy,
): Collection {
  const there = new Map(stored.map((image) => [image.id, image]));
  const ours = pulled.flatMap((entry) => {
    const image = there.get(entry.imageId);
    return image === undefined ? [] : [{ ...entry, image }];
  });
  const removable = ours
    .filter(({ image, references }) => isRemovable(image, references))
    .filter(({ usedAt }) => now - usedAt >= unusedForMs)
    .sort((one, other) => one.usedAt - other.usedAt);
  const remove: Collection['remove'][number][] = [];
  let excess = stored.reduce((sum, { size }) => sum + size, 0) - limitBytes;
  for (const { imageId, image } of removable) {
    if (excess <= 0) break;
    remove.push({ imageId, references: image.tags.length > 0 ? image.tags : image.digests });
    excess -= image.size;
  }
  return {
    used: ours.flatMap(({ imageId, image }) => (image.inUse ? [imageId] : [])),
    gone: pulled.flatMap(({ imageId }) => (there.has(imageId) ? [] : [imageId])),
    remove,
  };
}

function isRemovable({ inUse, digests, tags }: StoredImage, references: readonly string[]): boolean {
  return !inUse && digests.length > 0 && tags.every((tag) => references.includes(tag));
}
