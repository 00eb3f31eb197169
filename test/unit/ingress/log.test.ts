import { createSparseLog } from '../../../src/ingress/log.js';

test('one line per key and interval, and how many were left out', () => {
  const lines: object[] = [];
  let now = 0;
  const log = createSparseLog({ info: () => undefined, warn: (fields) => lines.push(fields) }, 1000, () => now);
  for (let count = 0; count < 5; count += 1) log.warn('i1', { id: 'i1' }, 'refused');
  log.warn('i2', { id: 'i2' }, 'refused');
  now = 1000;
  for (const id of ['i1', 'i2', 'i1']) log.warn(id, { id }, 'refused');
  now = 20_000;
  log.warn('i2', { id: 'i2' }, 'refused');
  log.warn('i1', { id: 'i1' }, 'refused');
  expect(lines).toEqual([{ id: 'i1' }, { id: 'i2' }, { id: 'i1', more: 4 }, { id: 'i2' }, { id: 'i2' }, { id: 'i1' }]);
});
