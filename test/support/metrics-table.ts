import { createMetrics } from '../../src/metrics.js';

const HELP = /^# HELP (longshore_\S+) (.*)\n# TYPE \S+ (\S+)$/gm;

/** The table of docs/operations.md: every metric of ours, with the labels that it has once something was counted. */
export async function metricsTable(): Promise<string> {
  const metrics = createMetrics();
  metrics.operationEnded('', '', '', 0);
  metrics.rpcEnded('', '', 0);
  metrics.stepRetried('');
  metrics.hostsAre([{ name: '', state: '', orphans: [], devices: { free: 0, leased: 0, foreign: 0 } }]);
  metrics.parkedAre([]);
  metrics.ingressEnded(200, 'INSTANCE', 0);
  const text = await metrics.text();
  const rows = [...text.matchAll(HELP)].map(
    ([, name = '', help, kind]) => `| \`${name}\` | ${kind} | ${labelsOf(text, name)} | ${help} |`,
  );
  return ['| metric | kind | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function labelsOf(text: string, name: string): string {
  const sample = text.split('\n').find((line) => line.startsWith(`${name}{`) || line.startsWith(`${name}_sum{`)) ?? '';
  return [...sample.matchAll(/[{,](\w+)=/g)].map(([, label]) => `\`${label}\``).join(', ');
}
