import type { Duration } from '../../../gen/ts/google/protobuf/duration.js';
import type { FieldViolation } from '../../domain/errors.js';

export function toDuration(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round(ms % 1000) * 1_000_000 };
}

export function toDate(ms: number): Date {
  return new Date(ms);
}

/** A map from the wire. Every key is the record's own, `__proto__` too, so that checks see it. */
export function fromMap(map: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries(map);
}

export function toMap(record: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(record));
}

/** One direction of an enum, from the wire: the number of each value that a caller may choose. */
export type EnumTable<Value> = ReadonlyMap<number, Value>;

/**
 * The domain's value for a number from the wire. The decoder lets numbers pass that it does not know; they are noted as violations, and the
 * fallback stands in for them until the request is refused.
 */
export function readEnum<Value>(
  found: FieldViolation[],
  field: string,
  number: number,
  table: EnumTable<Value>,
  fallback: Value,
): Value {
  const value = table.get(number);
  if (value !== undefined) return value;
  found.push({ field, description: `${number} is not a value of this enum` });
  return fallback;
}
