import { spreadOf } from './figures.js';
import type { MachineGauge } from './load/machine.js';
import type { Row } from './row.js';

/** The rows as people read them, in columns. */
export function tableOf(rows: readonly Row[]): string {
  const head = ['', 'figure', 'unit', 'yardstick', 'ratio', 'target', '', 'spread'];
  const cells = rows.map((row) => [
    row.name,
    figure(row.value),
    row.unit,
    figure(row.yardstick),
    figure(row.ratio),
    row.target,
    row.met ? 'met' : 'MISSED',
    row.spread === null ? '' : `${figure(row.spread[0])} to ${figure(row.spread[1])}`,
  ]);
  const lines = columns([head, ...cells]);
  const [first = '', ...rest] = lines;
  const notes = rest.flatMap((line, at) => [line, ...(rows[at]?.note ? [`    ${rows[at].note}`] : [])]);
  return [first, ...notes].join('\n');
}

/** What the machine gave to the run, before each benchmark and altogether. */
export function machineLine({ processors, gauges, stolenShare }: Machine): string {
  const span = (key: keyof MachineGauge) => {
    const [least, most] = spreadOf(gauges.map((gauge) => gauge[key]));
    return `${figure(least)} to ${figure(most)} ms`;
  };
  return (
    `the machine, with ${processors}: a fixed piece of work took ${span('workMs')}, the last percent of idle timers came ${span('lateMs')} late, ` +
    `and ${figure(stolenShare * 100)} % of its processors' time went to others`
  );
}

interface Machine {
  readonly processors: string;
  readonly gauges: readonly MachineGauge[];
  readonly stolenShare: number;
}

/** What changed since a former run, row by row. */
export function comparisonOf(before: readonly Row[], after: readonly Row[]): string {
  const known = new Map(before.map((row) => [row.name, row]));
  const cells = after.map((row) => {
    const former = known.get(row.name);
    const change =
      former?.value && row.value !== null ? `${(((row.value - former.value) / former.value) * 100).toFixed(1)} %` : '';
    return [row.name, row.unit, figure(former?.value ?? null), figure(row.value), change, metChange(former, row)];
  });
  const gone = before
    .filter((row) => !after.some(({ name }) => name === row.name))
    .map(({ name }) => [name, 'is gone']);
  return columns([['', 'unit', 'before', 'now', 'change', ''], ...cells, ...gone]).join('\n');
}

function metChange(former: Row | undefined, row: Row): string {
  if (former === undefined) return 'new';
  if (former.met === row.met) return '';
  return row.met ? 'met now' : 'MISSED now';
}

/** Three digits that count, or all of a whole number that is larger. */
function figure(value: number | null): string {
  if (value === null) return '-';
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function columns(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  return lines.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
