import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import type { Benchmark } from './benchmark.js';
import { BENCHMARKS } from './benchmarks.js';
import { gaugeMachine, type MachineGauge, processors, stolenShare } from './load/machine.js';
import { measured, notMeasured, type Row } from './row.js';
import { createStage } from './stage.js';
import { comparisonOf, machineLine, tableOf } from './table.js';

/*
 * Measures the built service from outside and prints each figure beside its yardstick and its target. Run by scripts/bench.sh, which
 * sets up what it needs. Ends with 0 whatever was missed: targets are for people to read; 1 where nothing could be measured.
 */

const rowsFile = z.object({
  rows: z.array(
    z.object({
      name: z.string(),
      value: z.number().nullable(),
      unit: z.string(),
      yardstick: z.number().nullable(),
      ratio: z.number().nullable(),
      target: z.string(),
      met: z.boolean(),
      spread: z.tuple([z.number(), z.number()]).nullable(),
      note: z.string(),
    }),
  ),
  /** Absent in what former versions wrote. */
  machine: z.object({ processors: z.string().optional() }).optional(),
});

const program = new Command('bench')
  .option('--json <file>', 'write the rows there')
  .option('--compare <file>', 'show what changed since the run that wrote this file')
  .option('--only <names>', `of ${BENCHMARKS.map(({ name }) => name).join(', ')}, these, with commas between`)
  .option('--rounds <count>', 'how often each figure is taken', '5')
  .parse();

const options = program.opts<{ json?: string; compare?: string; only?: string; rounds: string }>();
const before = options.compare === undefined ? null : rowsFile.parse(JSON.parse(readFileSync(options.compare, 'utf8')));

const rows: Row[] = [];
const gauges: MachineGauge[] = [];
const stolen = stolenShare();
for (const benchmark of chosen(options.only)) {
  gauges.push(await gaugeMachine());
  rows.push(...(await run(benchmark, Number(options.rounds))));
}
const machine = { processors: processors(), gauges, stolenShare: stolen() };
process.stdout.write(`\n${tableOf(rows)}\n\n${machineLine(machine)}\n`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ rows, machine }, null, 2)}\n`);
if (before !== null) {
  const former = before.machine?.processors ?? machine.processors;
  const elsewhere =
    former === machine.processors ? '' : `, on another machine (${former}), so that most of it may be that`;
  process.stdout.write(`\nsince ${options.compare}${elsewhere}:\n${comparisonOf(before.rows, rows)}\n`);
}
const met = rows.filter((row) => row.met).length;
process.stdout.write(`\n${met} met, ${rows.length - met} missed\n`);
process.exit(rows.some((row) => row.value !== null) ? 0 : 1);

function chosen(only: string | undefined): readonly Benchmark[] {
  if (only === undefined) return BENCHMARKS;
  return only.split(',').map((name) => {
    const found = BENCHMARKS.find((benchmark) => benchmark.name === name);
    return found ?? program.error(`--only: there is no benchmark ${name}; see --help`);
  });
}

async function run(benchmark: Benchmark, rounds: number): Promise<readonly Row[]> {
  const stage = createStage(rounds);
  const done = new Map<string, Row>();
  let failure = 'it was not reached';
  try {
    await benchmark.run(stage, (row, figures, note) => {
      const result = measured(row, figures, note);
      done.set(row.name, result);
      process.stderr.write(`${tableOf([result]).split('\n').slice(1).join('\n')}\n`);
    });
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${benchmark.name}: ${error instanceof Error ? error.stack : failure}\n`);
  } finally {
    await stage.end();
  }
  return benchmark.rows.map((row) => done.get(row.name) ?? notMeasured(row, failure));
}
