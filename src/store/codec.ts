import { z } from 'zod';
import type { AccessBinding } from '../domain/access.js';
import type { ContainerRecord } from '../domain/container.js';
import type { Revision } from '../domain/revision.js';
import { fastParser } from './fast-parser.js';
import { bindings, container, devices, host, report, revision, route, text } from './record-schemas.js';
import { counted, parsed, RECORD_FORMAT, undamaged, upgrade } from './stored.js';
import type { DeviceLease } from './work.js';

/** A hash as Redis holds it. */
export type Fields = Readonly<Record<string, string>>;

const wholeContainer = fastParser(container);
const wholeRevision = fastParser(revision);
const wholeBindings = fastParser(bindings);

export function decodeContainer(stored: Fields): ContainerRecord {
  const what = `container ${stored['id']}`;
  return undamaged(what, () => {
    const { id, folderId, createdAt, name, description, labels, status, version, state } = upgrade(stored, what);
    return wholeContainer({
      id,
      folderId,
      createdAt: counted(createdAt),
      name,
      description,
      labels: parsed(labels),
      status,
      version: counted(version),
      state: parsed(state),
    });
  });
}

export function decodeRevision(stored: Fields): Revision {
  const what = `revision ${stored['id']}`;
  return undamaged(what, () => {
    const { id, containerId, folderId, description, createdAt, status, spec, image } = upgrade(stored, what);
    return wholeRevision({
      id,
      containerId,
      folderId,
      description,
      createdAt: counted(createdAt),
      status,
      spec: parsed(spec),
      image: parsed(image),
    });
  });
}

/** The bindings of a container, and the version that a change of them must expect. */
export function decodeBindings(stored: Fields): {
  readonly version: number;
  readonly bindings: readonly AccessBinding[];
} {
  const what = `container ${stored['id']}`;
  return undamaged(what, () => {
    const record = upgrade(stored, what);
    return { version: counted(record['version']), bindings: wholeBindings(parsed(record['bindings'])) };
  });
}

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
