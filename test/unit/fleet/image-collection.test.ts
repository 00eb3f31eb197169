import type { StoredImage } from '../../../src/engine/driver.js';
import { collectImages, type Pulled } from '../../../src/fleet/image-collection.js';

const NOW = 1_000_000;
const POLICY = { limitBytes: 25, unusedForMs: 1_000 };

/** Ten bytes each. */
const stored = (id: string, part: Partial<StoredImage> = {}): StoredImage => ({
  id,
  tags: [`reg/${id}:1`],
  digests: [`reg/${id}@sha256:${id}`],
  size: 10,
  inUse: false,
  ...part,
});
const pulled = (imageId: string, usedAt = 0): Pulled => ({ imageId, references: [`reg/${imageId}:1`], usedAt });
const removed = (images: readonly StoredImage[], known: readonly Pulled[]) =>
  collectImages(images, known, NOW, POLICY).remove.map(({ imageId }) => imageId);

test('nothing goes while there is room', () => {
  expect(removed([stored('a'), stored('b')], [pulled('a'), pulled('b')])).toEqual([]);
});

test('the longest unused go first, and no more than are needed', () => {
  const images = ['a', 'b', 'c', 'd'].map((id) => stored(id));
  expect(removed(images, [pulled('a', 30), pulled('b', 10), pulled('c', 20), pulled('d', 40)])).toEqual(['b', 'c']);
});

test.each([
  ['is in use', { inUse: true }],
  ['could not be pulled again', { digests: [] }],
  ['has a name that a person gave it', { tags: ['reg/a:1', 'mine:1'] }],
])('one that %s stays', (_, part) => {
  expect(removed([stored('a', { size: 100, ...part })], [pulled('a')])).toEqual([]);
});

test('so does one that we did not pull, and one that was in use of late', () => {
  expect(removed([stored('a', { size: 100 })], [])).toEqual([]);
  expect(removed([stored('a', { size: 100 })], [pulled('a', NOW - 999)])).toEqual([]);
  expect(removed([stored('a', { size: 100 })], [pulled('a', NOW - 1_000)])).toEqual(['a']);
});

test('one whose tag went to a newer image goes by its digests', () => {
  const old = stored('a', { size: 100, tags: [], digests: ['reg/a@sha256:1', 'reg/a@sha256:2'] });
  const { remove } = collectImages([old], [pulled('a')], NOW, POLICY);
  expect(remove).toEqual([{ imageId: 'a', references: old.digests }]);
});

test('which of ours are in use, and which are gone, is told', () => {
  const images = [stored('a', { inUse: true }), stored('b', { size: 1 }), stored('theirs', { inUse: true })];
  expect(collectImages(images, [pulled('a'), pulled('b'), pulled('c')], NOW, POLICY)).toEqual({
    used: ['a'],
    gone: ['c'],
    remove: [],
  });
});
