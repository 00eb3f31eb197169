import { median, type Spread, spreadOf } from './figures.js';

/** What a row has to reach: its value itself, or its value divided by its yardstick. */
export interface Target {
  readonly of: 'value' | 'ratio';
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
}

export const valueAtLeast = (limit: number): Target => ({ of: 'value', bound: 'at least', limit });
export const valueAtMost = (limit: number): Target => ({ of: 'value', bound: 'at most', limit });
export const ratioAtLeast = (limit: number): Target => ({ of: 'ratio', bound: 'at least', limit });
export const ratioAtMost = (limit: number): Target => ({ of: 'ratio', bound: 'at most', limit });

/** One line of the table before it is measured. */
export interface RowSpec {
  /** Unique over the whole benchmark: two runs are compared by it. */
  readonly name: string;
  /** Of value and yardstick. */
  readonly unit: string;
  readonly target: Target;
}

/** What one round found; `yardstick` was measured in the same round, close to it in time. */
export interface Round {
  readonly value: number;
  readonly yardstick?: number;
}

/** One line of the table. `value` null: it could not be measured, and `note` says why; that is a miss. */
export interface Row {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly yardstick: number | null;
  readonly ratio: number | null;
  readonly target: string;
  readonly met: boolean;
  /** Lowest and highest of the rounds: of the ratio where there is a yardstick, else of the value. */
  readonly spread: Spread | null;
  readonly note: string;
}

/** The line that these rounds make: medians throughout, of the ratio as well, so that a drift of the machine cancels out in each round. */
export function measured(spec: RowSpec, rounds: readonly Round[], note = ''): Row {
  const values = rounds.map((round) => round.value);
  const pairs = rounds.flatMap(({ value, yardstick }) => (yardstick === undefined ? [] : [{ value, yardstick }]));
  if (values.length === 0 || !values.every(Number.isFinite)) return notMeasured(spec, 'no figure came of it');
  const ratios = pairs.map(({ value, yardstick }) => value / yardstick);
  const value = median(values);
  const ratio = ratios.length === 0 ? null : median(ratios);
  return {
    name: spec.name,
    value,
    unit: spec.unit,
    yardstick: pairs.length === 0 ? null : median(pairs.map((pair) => pair.yardstick)),
    ratio,
    target: textOf(spec.target),
    met: reaches(spec.target.of === 'ratio' ? ratio : value, spec.target),
    spread: spreadOf(ratios.length === 0 ? values : ratios),
    note,
  };
}

export function notMeasured(spec: RowSpec, why: string): Row {
  const { name, unit } = spec;
  const nothing = { value: null, yardstick: null, ratio: null, spread: null };
  return { name, unit, ...nothing, target: textOf(spec.target), met: false, note: why };
}

function reaches(figure: number | null, { bound, limit }: Target): boolean {
  if (figure === null) return false;
  return bound === 'at least' ? figure >= limit : figure <= limit;
}

function textOf({ of, bound, limit }: Target): string {
  const sign = bound === 'at least' ? '>=' : '<=';
  return of === 'ratio' ? `ratio ${sign} ${limit}` : `${sign} ${limit}`;
}
