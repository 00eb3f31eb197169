import { createBatches } from '../../../src/store/batches.js';

test('what comes in one turn is one call, of at most so many; what comes later is another', async () => {
  const calls: (readonly number[])[] = [];
  const add = createBatches<number, string>(3, (items) => {
    calls.push(items);
    return Promise.resolve(items.map(String));
  });
  expect(await Promise.all([1, 2, 3, 4].map(add))).toEqual(['1', '2', '3', '4']);
  expect(calls).toEqual([[1, 2, 3], [4]]);
  expect(await add(5)).toBe('5');
  expect(calls.at(-1)).toEqual([5]);
});

test('what comes while a call is under way does not join it, and each ends as its own call does', async () => {
  const calls: (readonly string[])[] = [];
  let fail = (_error: Error) => {};
  const add = createBatches<string, string>(10, (items) => {
    calls.push(items);
    return items.includes('first') ? new Promise((_, reject) => (fail = reject)) : Promise.resolve(items);
  });
  const first = add('first').catch((error: Error) => error.message);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await add('second');
  fail(new Error('away'));
  expect(await first).toBe('away');
  expect(calls).toEqual([['first'], ['second']]);
});

test('a reply too few is a fault, since nobody could tell whose it is', async () => {
  const add = createBatches<number, number>(3, () => Promise.resolve([7]));
  await expect(Promise.all([1, 2].map(add))).rejects.toThrow('1 replies to 2 calls');
});
