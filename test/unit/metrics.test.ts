import { readFile } from 'node:fs/promises';
import { treePath } from '../../src/paths.js';
import { metricsTable } from '../support/metrics-table.js';

test('docs/operations.md has the table of the metrics', async () => {
  const table = await metricsTable();
  expect(table.split('\n').length).toBeGreaterThan(10);
  expect(await readFile(treePath('docs', 'operations.md'), 'utf8')).toContain(`\n${table}\n`);
});
