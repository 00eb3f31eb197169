import { median, percentile } from '../../../bench/figures.js';
import {
  measured,
  notMeasured,
  ratioAtLeast,
  ratioAtMost,
  type Target,
  valueAtLeast,
  valueAtMost,
} from '../../../bench/row.js';

const spec = (target: Target) => ({ name: 'calls', unit: '1/s', target });

test('medians and percentiles', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(percentile([5, 1, 4, 2, 3], 0.99)).toBe(5);
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(percentile([7], 0)).toBe(7);
});

test.each([
  [valueAtLeast(100), 100, true],
  [valueAtLeast(100), 99, false],
  [valueAtMost(100), 100, true],
  [valueAtMost(100), 101, false],
])('a target of the value: %j and %d', (target, value, met) => {
  expect(measured(spec(target), [{ value }])).toMatchObject({ value, yardstick: null, ratio: null, met });
});

test('a ratio is the median of the rounds, not that of the medians', () => {
  const rounds = [
    { value: 10, yardstick: 20 },
    { value: 30, yardstick: 40 },
    { value: 90, yardstick: 100 },
  ];
  const row = measured(spec(ratioAtLeast(0.75)), rounds, 'a note');
  expect(row).toEqual({
    name: 'calls',
    unit: '1/s',
    value: 30,
    yardstick: 40,
    ratio: 0.75,
    target: 'ratio >= 0.75',
    met: true,
    spread: [0.5, 0.9],
    note: 'a note',
  });
  expect(measured(spec(ratioAtMost(0.7)), rounds).met).toBe(false);
});

test('what could not be measured counts as missed, and says why', () => {
  const missed = { value: null, ratio: null, met: false };
  expect(notMeasured(spec(valueAtMost(1)), 'no engine')).toMatchObject({ ...missed, note: 'no engine' });
  expect(measured(spec(valueAtMost(1)), [])).toMatchObject(missed);
  expect(measured(spec(valueAtMost(1)), [{ value: Number.NaN }])).toMatchObject(missed);
  // A ratio without its yardstick is no ratio.
  expect(measured(spec(ratioAtMost(1)), [{ value: 1 }])).toMatchObject({ value: 1, ratio: null, met: false });
});
