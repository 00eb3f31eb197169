import { type DomainError, type FieldViolation, invalidArgument } from './errors.js';

/** Violations found so far in one request. Checks add to it and go on, so that the caller learns of all of them at once. */
export type Found = FieldViolation[];

/** Lengths are in characters (code points). `pattern` has to match the whole text; `form` says it in words. */
export interface TextRule {
  readonly max: number;
  readonly pattern?: RegExp;
  readonly form?: string;
}

/** google.protobuf.Duration as it came: nothing of it is known to be in range. */
export interface RawDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}

export function checkRequired(found: Found, field: string, value: string): void {
  if (value === '') found.push({ field, description: 'is required' });
}

export function checkText(found: Found, field: string, value: string, rule: TextRule): void {
  if (isLongerThan(value, rule.max)) {
    found.push({ field, description: `must have at most ${rule.max} characters` });
  } else if (rule.pattern !== undefined && !rule.pattern.test(value)) {
    found.push({ field, description: rule.form ?? `must match ${rule.pattern.source}` });
  }
}

/** Texts that end up in a container's process: the kernel ends them at a NUL. */
export function checkNoNul(found: Found, field: string, value: string): void {
  if (value.includes('\0')) found.push({ field, description: 'must not contain a NUL character' });
}

/** An int64 within `min` and `max`, both included, as a number; `min` where it is not. */
export function readInteger(found: Found, field: string, value: bigint, min: number, max: number): number {
  if (value < BigInt(min) || value > BigInt(max)) {
    found.push({ field, description: `must be from ${min} to ${max}, not ${value}` });
    return min;
  }
  return Number(value);
}

/** Milliseconds within `minMs` and `maxMs`, both included; `minMs` where it is not. Shorter fractions are refused, since they would be lost. */
export function readDuration(found: Found, field: string, value: RawDuration, minMs: number, maxMs: number): number {
  const fault = durationFault(value, minMs, maxMs);
  if (fault !== null) {
    found.push({ field, description: fault });
    return minMs;
  }
  return Number(value.seconds) * 1000 + value.nanos / 1_000_000;
}

function durationFault({ seconds, nanos }: RawDuration, minMs: number, maxMs: number): string | null {
  if (Math.abs(nanos) > 999_999_999 || (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0))
    return 'is not a valid duration: nanos must be below one second and of the same sign as seconds';
  const total = seconds * 1_000_000_000n + BigInt(nanos);
  if (total < BigInt(minMs) * 1_000_000n || total > BigInt(maxMs) * 1_000_000n)
    return `must be from ${minMs / 1000} s to ${maxMs / 1000} s`;
  return nanos % 1_000_000 === 0 ? null : 'must be a whole number of milliseconds';
}

/** Throws INVALID_ARGUMENT with all that was found, or returns. */
export function refuseIfAny(found: readonly FieldViolation[]): void {
  if (found.length > 0) throw violations(found);
}

/** More than anybody mends at once. A hostile request must not make an endless error. */
const MOST_VIOLATIONS = 100;

function violations(found: readonly FieldViolation[]): DomainError {
  const next = found[MOST_VIOLATIONS];
  if (next === undefined) return invalidArgument(found);
  const more = {
    field: next.field,
    description: `${next.description}, and ${found.length - MOST_VIOLATIONS - 1} more`,
  };
  return invalidArgument([...found.slice(0, MOST_VIOLATIONS), more]);
}

/** A key of a map as part of a field path, shortened so that an endless key does not come back in the error. */
export function entryOf(field: string, key: string): string {
  return `${field}[${key.length > 64 ? `${key.slice(0, 64)}...` : key}]`;
}

function isLongerThan(text: string, characters: number): boolean {
  if (text.length <= characters) return false;
  if (text.length > characters * 2) return true;
  return [...text].length > characters;
}
