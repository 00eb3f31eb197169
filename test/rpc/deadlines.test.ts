import { createDeadlines } from '../../src/rpc/deadlines.js';
import { until } from '../support/until.js';

const named = (name: string, over: string[]) => ({ over: () => void over.push(name) });

test('what is in it ends in the order in which it came, and what was removed does not', async () => {
  const over: string[] = [];
  const deadlines = createDeadlines(20);
  const [first, second, third] = [named('first', over), named('second', over), named('third', over)];
  deadlines.add(first);
  deadlines.add(second);
  deadlines.add(third);
  deadlines.remove(second);
  await until('both are over', () => over.length === 2);
  expect(over).toEqual(['first', 'third']);
  deadlines.remove(first);
});

test('one that comes after it has been empty ends as well', async () => {
  const over: string[] = [];
  const deadlines = createDeadlines(20);
  const gone = named('gone', over);
  deadlines.add(gone);
  deadlines.remove(gone);
  deadlines.add(named('stays', over));
  await until('it is over', () => over.length > 0);
  deadlines.add(named('late', over));
  await until('it is over', () => over.length > 1);
  expect(over).toEqual(['stays', 'late']);
});
