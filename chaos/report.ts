import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { time } from './afterwards.js';
import type { Call } from './calls.js';
import type { Ledger } from './ledger.js';
import type { Options } from './options.js';
import type { FaultRecord } from './storm.js';

export interface Outcome {
  readonly options: Options;
  readonly ledger: Ledger;
  readonly faults: readonly FaultRecord[];
  /** How long this program did not get the processor. */
  readonly stalledMs: number;
  readonly calls: readonly Call[];
  readonly requests: { readonly sent: number; readonly failed: number };
  /** Processes that ended before they were ready, and were started again. */
  readonly failedStarts: number;
  /** How long it took until all was as it had to be, in ms: after the last fault, and after the last Delete. */
  readonly settledMs: readonly number[];
  /** What went wrong with the run itself, so that it proves nothing. */
  readonly broken: readonly string[];
}

export function textOf(outcome: Outcome): string {
  const { options, ledger, faults, stalledMs, calls, requests, failedStarts, settledMs, broken } = outcome;
  const lines = [
    `seed ${options.seed}, ${options.seconds} s${options.plant === null ? '' : `, with the defect ${options.plant}`}`,
    `${ledger.containers.length} containers, ${[...ledger.entries].length} operations acknowledged, ${calls.length} calls`,
    ...[...ledger.summary].sort().map(([kind, count]) => `  ${kind}: ${count}`),
    `${requests.sent} requests to containers, ${requests.failed} of them failed while a fault was in their way or as said below`,
    `${faults.length} faults`,
    ...[...countsOf(faults)].sort().map(([kind, count]) => `  ${kind}: ${count}`),
    ...(stalledMs === 0 ? [] : [`the machine had too much to do for ${(stalledMs / 1_000).toFixed(1)} s in all`]),
    ...(failedStarts === 0 ? [] : [`${failedStarts} starts of processes failed and were repeated`]),
    `settled after ${settledMs.map((ms) => `${(ms / 1_000).toFixed(1)} s`).join(' and ')}`,
    ...broken.map((line) => `THE RUN IS BROKEN: ${line}`),
    ...ledger.violations.map(({ at, what }) => `VIOLATION at ${time(at)}: ${what}`),
    broken.length + ledger.violations.length === 0 ? 'nothing was wrong' : `${ledger.violations.length} violations`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Everything that helps to find the cause; nothing is left of an earlier run there. */
export function keepEvidence(outcome: Outcome, logDir: string): void {
  const { options, ledger, faults, calls } = outcome;
  const dir = options.evidence;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const lines = (items: readonly unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(join(dir, 'report.txt'), textOf(outcome));
  writeFileSync(
    join(dir, 'faults.jsonl'),
    lines(faults.map((one) => ({ ...one, from: time(one.from), to: one.to && time(one.to) }))),
  );
  writeFileSync(
    join(dir, 'operations.jsonl'),
    lines([...ledger.entries].map(({ end, ...entry }) => ({ ...entry, end: end?.text ?? null }))),
  );
  writeFileSync(join(dir, 'calls.jsonl'), lines(calls.filter(({ code }) => code !== 0)));
  cpSync(logDir, join(dir, 'logs'), { recursive: true });
}

function countsOf(faults: readonly FaultRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
