import { createBatches } from '../../../src/store/batches.js';

test('what comes in one turn is one call, of at most so many; what comes later is another', async () => {
  const calls: (readonly number[])[] = [];
  const add = createBatches<number>(3, (items) => Promise.resolve(calls.push(items)));
  await Promise.all([1, 2, 3, 4].map(add));
  expect(calls).toEqual([[1, 2, 3], [4]]);
  await add(5);
  expect(calls.at(-1)).toEqual([5]);
});

test('what comes while a call is under way does not join it, and each ends as its own call does', async () => {
  const calls: (readonly string[])[] = [];
  let fail = (_error: Error) => {};
  const add = createBatches<string>(10, (items) => {
    calls.push(items);
    return items.includes('first') ? new Promise((_, reject) => (fail = reject)) : Promise.resolve();
  });
  const first = add('first').catch((error: Error) => error.message);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await add('second');
  fail(new Error('away'));
  expect(await first).toBe('away');
  expect(calls).toEqual([['first'], ['second']]);
});
