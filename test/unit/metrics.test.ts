import { readFile } from 'node:fs/promises';
import type { ErrorCode } from '../../src/domain/errors.js';
import type { HostState } from '../../src/domain/host.js';
import { createMetrics } from '../../src/metrics.js';
import { treePath } from '../../src/paths.js';
import { metricsTable } from '../support/metrics-table.js';

const operationsPage = () => readFile(treePath('docs', 'operations.md'), 'utf8');

test('docs/operations.md has the table of the metrics', async () => {
  const table = await metricsTable();
  expect(table.split('\n').length).toBeGreaterThan(10);
  expect(await operationsPage()).toContain(`\n${table}\n`);
});

const CODES: readonly ErrorCode[] = ['INTERNAL', 'RESOURCE_EXHAUSTED'];
const UP: HostState = 'UP';

/** As they are scraped when all that the alarms are about has happened. */
async function scraped(): Promise<readonly string[]> {
  const metrics = createMetrics();
  for (const code of CODES) metrics.operationEnded('DEPLOY', 'PLACE', code, 1);
  const orphans = [{ kept: 'somebody has to decide' }, { kept: '' }];
  metrics.hostsAre([{ name: 'a', state: UP, orphans, devices: { free: 1, leased: 1, foreign: 1 } }]);
  for (const status of [502, 503, 504]) metrics.ingressEnded(status, 'INGRESS', 1);
  metrics.parkedAre(['container/c']);
  metrics.stepRetried('TRANSIENT');
  return (await metrics.text()).split('\n').filter((line) => line.startsWith('longshore_'));
}

/** Names and selectors, `{label="value"}`, of the alarms: one without a name is of the metric before it. */
async function alarms(): Promise<readonly { readonly name: string; readonly selector: string }[]> {
  const section = /\n## Alarms\n(.*?)\n## /s.exec(await operationsPage())?.[1] ?? '';
  let name = '';
  return [...section.matchAll(/`(longshore_\w+)?(\{[^}]*\})?[^`]*`/g)].flatMap(([, named, selector = '']) => {
    if (named === undefined && selector === '') return [];
    name = named ?? name;
    return [{ name, selector: selector.replace('!=', '=') }];
  });
}

test('alarms are about metrics that there are, with values that their labels take', async () => {
  const lines = await scraped();
  const named = await alarms();
  const isThere = ({ name, selector }: (typeof named)[number]) =>
    lines.some((line) => /^\w+/.exec(line)?.[0] === name && line.includes(selector.slice(1, -1)));
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((alarm) => !isThere(alarm))).toEqual([]);
});
