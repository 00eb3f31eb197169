import { type ListedPage, listPage, type PageSource } from '../../../src/services/list-page.js';

/** A list of numbers, newest (greatest) first; a number is its own position. */
function source(count: number, part: Partial<PageSource<number>> = {}) {
  const read: number[] = [];
  const fetch = (after: string | null, limit: number) => {
    const from = after === null ? count : Number(after);
    const items = Array.from({ length: Math.min(limit, from) }, (_, index) => from - index - 1);
    read.push(items.length);
    const positions = items.map(String);
    return Promise.resolve({ items, positions, next: items.length < from ? (positions.at(-1) ?? null) : null });
  };
  const signal = new AbortController().signal;
  return { read, source: { fetch, after: null, size: 100, keep: () => true, signal, ...part } };
}

test('pages follow one another without a gap, and the last has no next', async () => {
  const seen: number[] = [];
  let after: string | null = null;
  let pages = 0;
  do {
    const page: ListedPage<number> = await listPage(source(250, { after }).source);
    seen.push(...page.items);
    after = page.next;
    pages += 1;
  } while (after !== null);
  expect(seen).toEqual(Array.from({ length: 250 }, (_, index) => 249 - index));
  expect(pages).toBe(3);
});

test('a page that ends with the list has no next', async () => {
  expect((await listPage(source(100).source)).next).toBeNull();
  expect((await listPage(source(0).source)).items).toEqual([]);
});

test('a small page reads little', async () => {
  const { read, source: small } = source(100_000, { size: 3 });
  expect((await listPage(small)).items).toEqual([99_999, 99_998, 99_997]);
  expect(read).toEqual([3]);
});

test('a filter that matches nothing looks at 1,000 records and leads on', async () => {
  const { read, source: none } = source(5_000, { keep: () => false });
  expect(await listPage(none)).toEqual({ items: [], next: '4000' });
  expect(read.reduce((sum, count) => sum + count, 0)).toBe(1_000);
});

test('a sparse filter finds everything across its pages', async () => {
  const seen: number[] = [];
  let after: string | null = null;
  do {
    const page: ListedPage<number> = await listPage(
      source(5_000, { after, size: 2, keep: (item) => item % 700 === 0 }).source,
    );
    seen.push(...page.items);
    after = page.next;
  } while (after !== null);
  expect(seen).toEqual([4_900, 4_200, 3_500, 2_800, 2_100, 1_400, 700, 0]);
});

test('a page ends before it outgrows a message', async () => {
  const big = 'x'.repeat(1_048_576);
  const fetch = () => Promise.resolve({ items: [big, big, big, big], positions: ['4', '3', '2', '1'], next: null });
  const signal = new AbortController().signal;
  const page = await listPage({ fetch, after: null, size: 100, keep: () => true, signal });
  expect(page.items).toHaveLength(2);
  expect(page.next).toBe('3');
});

test('a caller who left ends it', async () => {
  const controller = new AbortController();
  controller.abort(new Error('left'));
  await expect(listPage(source(10, { signal: controller.signal }).source)).rejects.toThrow('left');
});
