import { measured, notMeasured, ratioAtLeast, valueAtMost } from '../../../bench/row.js';
import { comparisonOf, tableOf } from '../../../bench/table.js';

const ratio = { name: 'Get', unit: '1/s', target: ratioAtLeast(0.8) };
const memory = { name: 'idle memory', unit: 'MB', target: valueAtMost(150) };

test('a table shows figure, yardstick, ratio, target and whether it was met', () => {
  const rows = [
    measured(ratio, [{ value: 20_000, yardstick: 25_000 }], 'four connections'),
    notMeasured(memory, 'broke'),
  ];
  const [head, first, note, second, why] = tableOf(rows).split('\n');
  expect(head).toMatch(/figure +unit +yardstick +ratio +target/);
  expect(first).toMatch(/^Get +20,000 +1\/s +25,000 +0\.8 +ratio >= 0\.8 +met +0\.8 to 0\.8$/);
  expect(note).toBe('    four connections');
  expect(second).toMatch(/^idle memory +- +MB +- +- +<= 150 +MISSED$/);
  expect(why).toBe('    broke');
});

test('a comparison shows what changed, what is new and what is gone', () => {
  const before = [measured(memory, [{ value: 100 }]), measured({ ...memory, name: 'old' }, [{ value: 1 }])];
  const after = [measured(memory, [{ value: 160 }]), measured(ratio, [{ value: 2, yardstick: 2 }])];
  const lines = comparisonOf(before, after).split('\n');
  expect(lines[1]).toMatch(/^idle memory +MB +100 +160 +60\.0 % +MISSED now$/);
  expect(lines[2]).toMatch(/^Get +1\/s +- +2 +new$/);
  expect(lines[3]).toMatch(/^old +is gone$/);
});
