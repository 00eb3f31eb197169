import { type CreateDraft, checkCreate, readUpdate, type UpdateDraft } from '../../../src/domain/container-request.js';
import { failureOf, violatedFields } from '../../support/violations.js';

const create: CreateDraft = { folderId: 'team', name: 'web', description: '', labels: {} };
const update: UpdateDraft = { containerId: 'c', mask: null, name: 'web', description: 'd', labels: { a: 'b' } };
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

test.each<[string, Partial<CreateDraft>]>([
  ['as plain as can be', {}],
  ['an empty name', { name: '' }],
  ['the shortest name', { name: 'a-0' }],
  ['the longest name', { name: `a${'-'.repeat(61)}0` }],
  ['256 characters that are surrogate pairs', { description: '\u{1f40b}'.repeat(256) }],
  ['64 labels', { labels: labels(64) }],
  ['every character that a label may have', { labels: { 'a-_./\\@0z': '-_./\\@0z' } }],
  ['an empty label value', { labels: { a: '' } }],
  ['a label named like a property of objects', { labels: { constructor: 'x' } }],
])('a create is accepted with %s', (_, part) => {
  expect(violatedFields(() => checkCreate({ ...create, ...part }))).toEqual([]);
});

test.each<[string, Partial<CreateDraft>, string]>([
  ['no folder', { folderId: '' }, 'folder_id'],
  ['a folder of 51 characters', { folderId: 'f'.repeat(51) }, 'folder_id'],
  ['a folder with a slash', { folderId: 'a/b' }, 'folder_id'],
  ['a name of two characters', { name: 'ab' }, 'name'],
  ['a name of 64 characters', { name: 'a'.repeat(64) }, 'name'],
  ['a name in capitals', { name: 'Web' }, 'name'],
  ['a name that ends with a hyphen', { name: 'web-' }, 'name'],
  ['a name that starts with a digit', { name: '0web' }, 'name'],
  ['a name with a line break behind it', { name: 'web\n' }, 'name'],
  ['257 characters of description', { description: 'd'.repeat(257) }, 'description'],
  ['65 labels', { labels: labels(65) }, 'labels'],
  ['an empty label key', { labels: { '': 'v' } }, 'labels[]'],
  ['a label key of 64 characters', { labels: { ['k'.repeat(64)]: 'v' } }, `labels[${'k'.repeat(64)}]`],
  ['a label key that starts with a digit', { labels: { '1a': 'v' } }, 'labels[1a]'],
  ['a label value in capitals', { labels: { a: 'V' } }, 'labels[a]'],
  ['a label value of 64 characters', { labels: { a: 'v'.repeat(64) } }, 'labels[a]'],
])('a create is refused with %s', (_, part, field) => {
  expect(violatedFields(() => checkCreate({ ...create, ...part }))).toEqual([field]);
});

test('all violations are told at once', () => {
  const draft = { folderId: '', name: 'A', description: 'd'.repeat(300), labels: { A: 'B' } };
  const fields = violatedFields(() => checkCreate(draft));
  expect(fields).toEqual(['folder_id', 'name', 'description', 'labels[A]', 'labels[A]']);
});

test('a key without end is not sent back whole', () => {
  const failure = failureOf(() => checkCreate({ ...create, labels: { ['k'.repeat(100_000)]: 'v' } }));
  expect(failure.message.length).toBeLessThan(400);
});

test('an update without a mask sets all that can be set', () => {
  expect(readUpdate(update)).toEqual({ name: 'web', description: 'd', labels: { a: 'b' } });
});

test('an update with a mask looks at and sets only what the mask names', () => {
  const draft = { ...update, mask: ['description'], name: 'NOT A NAME', labels: { A: 'B' } };
  expect(readUpdate(draft)).toEqual({ description: 'd' });
});

test('a path that cannot be updated is named', () => {
  const failure = failureOf(() => readUpdate({ ...update, mask: ['name', 'status', 'folder_id'] }));
  expect(failure.fields?.map((violation) => violation.field)).toEqual(['update_mask.paths[1]', 'update_mask.paths[2]']);
  expect(failure.message).toMatch(/"status".*"folder_id"/);
});

test('a mask of endless paths makes a short error', () => {
  const failure = failureOf(() => readUpdate({ ...update, mask: Array<string>(100_000).fill('x') }));
  expect(failure.fields).toHaveLength(101);
  expect(failure.fields?.at(-1)?.description).toMatch(/and 99899 more/);
});
