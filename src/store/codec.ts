import type { z } from 'zod';
import type { AccessBinding } from '../domain/access.js';
import type { ContainerRecord } from '../domain/container.js';
import type { Revision } from '../domain/revision.js';
import { fastParser } from './fast-parser.js';
import { bindings, container, devices, host, memo, pulledImage, report, revision, route } from './record-schemas.js';
import { counted, isObject, parsed, RECORD_FORMAT, undamaged, upgrade } from './stored.js';
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
function document<T>(what: string, schema: z.ZodType<T>): (value: string) => T {
  const whole = fastParser(schema);
  return (value) => {
    const stored: unknown = JSON.parse(value);
    if (!isObject(stored)) throw new TypeError(`${what} in Redis is no JSON object`);
    const fields: Record<string, unknown> = { ...upgrade(stored, what) };
    delete fields['v'];
    return whole(fields);
  };
}

export const decodeHost = document('a host', host);
export const decodeRoute = document('a route', route);
export const decodeReport = document('an ingress report', report);
export const decodePulledImage = document('a pulled image', pulledImage);
export const decodeMemo = document('the memo of a Docker container', memo);
export const decodeDevices = document('a device lease', devices);

export const encodeDocument = (value: object): string => JSON.stringify({ v: RECORD_FORMAT, ...value });
export const encodeDevices = (lease: DeviceLease, containerId: string): string =>
  encodeDocument({ ...lease, containerId });
