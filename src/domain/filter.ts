/** One comparison of a filter: `field = value` or `field != value`. */
export interface Condition {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** A filter that cannot be read: what is wrong, with the place, counted in characters from 1. */
export interface FilterFault {
  readonly fault: string;
}

const FIELD = /\s*([a-zA-Z_][-a-zA-Z0-9_./\\@]*)/y;
const OPERATOR = /\s*(!=|=)\s*/y;
const VALUE = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"'=!<>()]+)/y;
const JOIN = /\s+AND(?=\s)/iy;
const REST = /\s*$/y;

/**
 * Conditions joined by AND. A value stands in double quotes, in single quotes (a backslash takes the next character as it is, in both) or bare.
 * An empty filter has no conditions.
 */
export function parseFilter(text: string): readonly Condition[] | FilterFault {
  const conditions: Condition[] = [];
  if (text.trim() === '') return conditions;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const fault = (expected: string): FilterFault => ({ fault: `expected ${expected} at character ${at + 1}` });
  do {
    const field = take(FIELD)?.[1];
    if (field === undefined) return fault('the name of a field');
    const operator = take(OPERATOR)?.[1];
    if (operator === undefined) return fault('= or !=');
    const value = take(VALUE);
    if (value === null) return fault('a value');
    conditions.push({ field, equal: operator === '=', value: unquoted(value) });
  } while (take(JOIN) !== null);
  return take(REST) === null ? fault('AND or the end') : conditions;
}

function unquoted([, double, single, bare]: RegExpExecArray): string {
  const quoted = double ?? single;
  return quoted === undefined ? (bare ?? '') : quoted.replace(/\\(.)/gs, '$1');
}
