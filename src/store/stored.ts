import { z } from 'zod';
import { DomainError } from '../domain/errors.js';

/**
 * Version of everything that is stored. Raise it with an entry in UPGRADES whenever an older record would not parse any more, or a
 * newer one would be misread by this code.
 */
export const RECORD_FORMAT = 1;

/** Of a record as it is stored, whatever that is. */
export type StoredFields = Readonly<Record<string, unknown>>;

/** UPGRADES[n] turns the fields (or the parsed document) of format n into those of format n + 1. */
const UPGRADES: Readonly<Record<number, (record: StoredFields) => StoredFields>> = {};

/** Brings a stored record to the present format; `upgrades` is a parameter for tests. A newer record is refused. */
export function upgrade(
  record: StoredFields,
  what: string,
  { format = RECORD_FORMAT, upgrades = UPGRADES } = {},
): StoredFields {
  let version = Number(record['v'] ?? Number.NaN);
  if (version === format) return record;
  z.int().parse(version);
  if (version > format) throw tooNew(what, version, format);
  let result: StoredFields = record;
  for (; version < format; version += 1) {
    const step = upgrades[version];
    if (step === undefined) throw new Error(`${what} has format ${version}, from which no upgrade leads on`);
    result = step(result);
  }
  return result;
}

/** A newer Longshore wrote it: reading on would misread it, writing it would damage it. */
export function tooNew(what: string, version: number, format = RECORD_FORMAT): DomainError {
  return new DomainError({
    code: 'FAILED_PRECONDITION',
    reason: 'RECORD_TOO_NEW',
    message: `${what} in Redis has format ${version} and this version of Longshore knows ${format} at most: start a newer Longshore`,
  });
}

/** Runs a decoding, and says which record it is that cannot be decoded. */
export function undamaged<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new Error(`${what} in Redis is damaged: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** JSON inside a stored field; the empty text is null. What is no text is left for the schema to refuse. */
export function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value === '' ? null : JSON.parse(value);
}

/** A number inside a stored field, NaN where it is none. */
export const counted = (value: unknown): number => (typeof value === 'string' ? Number(value) : Number.NaN);

/** What differs from the usual: `{ ...usual, ...sparse(whole, usual) }` is the whole again. */
export function sparse(whole: object, usual: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(whole).filter(([name, value]) => !(name in usual && same(value, usual[name]))),
  );
}

const same = (one: unknown, other: unknown): boolean =>
  one === other || (typeof one === 'object' && JSON.stringify(one) === JSON.stringify(other));

export function isObject(value: unknown): value is StoredFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
