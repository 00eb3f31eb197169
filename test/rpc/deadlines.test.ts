import { createDeadlines } from '../../src/rpc/deadlines.js';
import { until } from '../support/until.js';

const named = (name: string, over: string[]) => ({ over: () => void over.push(name) });

test('what is in it ends in the order in which it came, and what was removed does not', async () => {
  const over: string[] = [];
  const deadlines = createDeadlines(20);
  const places = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => deadlines.add(named(name, over)));
  // The first, the last, and two that stand together.
  for (const at of [0, 5, 2, 3]) {
    const place = places[at];
    if (place !== undefined) deadlines.remove(place);
  }
  await until('both are over', () => over.length === 2);
  expect(over).toEqual(['b', 'e']);
  for (const place of places) deadlines.remove(place);
  deadlines.add(named('after all of them', over));
  await until('it is over', () => over.length === 3);
  expect(over).toEqual(['b', 'e', 'after all of them']);
});

test('one that comes after it has been empty ends as well', async () => {
  const over: string[] = [];
  const deadlines = createDeadlines(20);
  deadlines.remove(deadlines.add(named('gone', over)));
  deadlines.add(named('stays', over));
  await until('it is over', () => over.length > 0);
  deadlines.add(named('late', over));
  await until('it is over', () => over.length > 1);
  expect(over).toEqual(['stays', 'late']);
});
