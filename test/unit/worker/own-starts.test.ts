import { createOwnStarts } from '../../../src/worker/own-starts.js';

test('what we have started ourselves is no news, once, for as long as an engine may tell of it', () => {
  let now = 0;
  const starts = createOwnStarts(() => now);
  starts.begin('i1');
  starts.begin('i2');
  starts.begin('i3');
  now = 20_000;
  starts.begin('i3');
  expect([starts.isNews('i1'), starts.isNews('i1'), starts.isNews('other')]).toEqual([false, true, true]);
  now = 31_000;
  expect([starts.isNews('i2'), starts.isNews('i3')]).toEqual([true, false]);
});
