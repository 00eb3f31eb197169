import { z } from 'zod';
import type { AccessBinding } from '../domain/access.js';
import type { ContainerRecord } from '../domain/container.js';
import { DomainError } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import type { Revision } from '../domain/revision.js';
import {
  bindings,
  container,
  devices,
  host,
  json,
  operation,
  report,
  revision,
  route,
  text,
} from './record-schemas.js';
import type { DeviceLease } from './work.js';

/**
 * Version of everything that is stored. Raise it with an entry in UPGRADES whenever an older record would not parse any more, or a
 * newer one would be misread by this code.
 */
export const RECORD_FORMAT = 1;

export type Fields = Readonly<Record<string, string>>;

/** UPGRADES[n] turns the fields (or the parsed document) of format n into those of format n + 1. */
const UPGRADES: Readonly<Record<number, (record: Record<string, unknown>) => Record<string, unknown>>> = {};

/** Brings a stored record to the present format; `upgrades` is a parameter for tests. A newer record is refused. */
export function upgrade(
  record: Readonly<Record<string, unknown>>,
  what: string,
  { format = RECORD_FORMAT, upgrades = UPGRADES } = {},
): Record<string, unknown> {
  let version = z.coerce.number().int().parse(record['v']);
  if (version > format) throw tooNew(what, version, format);
  let result = { ...record };
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

export const decodeContainer = (fields: Fields): ContainerRecord =>
  container.parse(upgrade(fields, `container ${fields['id']}`));
export const decodeRevision = (fields: Fields): Revision => revision.parse(upgrade(fields, `revision ${fields['id']}`));
export const decodeOperation = (fields: Fields): Operation =>
  operation.parse(upgrade(fields, `operation ${fields['id']}`));
export const decodeBindings = (value: string): readonly AccessBinding[] => json(bindings).parse(value);

/** Documents that are one JSON text carry their format inside. */
const document =
  <T>(what: string, schema: z.ZodType<T>) =>
  (value: string): T =>
    schema.parse(upgrade(z.record(text, z.unknown()).parse(JSON.parse(value)), what));

export const decodeHost = document('a host', host);
export const decodeRoute = document('a route', route);
export const decodeReport = document('an ingress report', report);
export const decodeDevices = document('a device lease', devices);

export const encodeDocument = (value: object): string => JSON.stringify({ v: RECORD_FORMAT, ...value });
export const encodeDevices = (lease: DeviceLease, containerId: string): string =>
  encodeDocument({ ...lease, containerId });

/** Pairs as Redis returns a hash, by name; null where there is none. */
export function fieldsOf(pairs: readonly string[]): Fields | null {
  if (pairs.length === 0) return null;
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < pairs.length; at += 2) fields[pairs[at] ?? ''] = pairs[at + 1] ?? '';
  return fields;
}
