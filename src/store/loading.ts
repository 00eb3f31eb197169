import { z } from 'zod';
import type { Operation } from '../domain/operation.js';
import type { IngressReport } from '../domain/route.js';
import { decodeContainer, decodeReport, decodeRevision, type Fields } from './codec.js';
import { fastParser } from './fast-parser.js';
import { decodeOperation } from './operation-text.js';
import { texts } from './redis-replies.js';
import type { LoadedContainer, Looked, LookedContainer } from './work.js';

/*
 * What the scripts load and look reply, as lib/loading has it.
 */

const CONTAINER_FIELDS = 'v id folderId createdAt name description labels status version state'.split(' ');
const REVISION_FIELDS = 'v id containerId folderId description createdAt status spec image'.split(' ');

const surroundings = z.tuple([z.number(), texts, z.number(), z.number()]);
const loaded = z.tuple([texts, texts, texts, z.number(), z.array(texts)]);
const loadReply = fastParser(z.tuple([surroundings, z.union([loaded, z.tuple([])])]));
const marked = z.tuple([...loaded.def.items, z.string()]);
const lookReply = fastParser(
  z.tuple([surroundings, z.array(z.union([z.enum(['SAME', 'UNKNOWN', 'DELETED', 'BUSY', 'UNCLEAN']), marked]))]),
);

/** Null: the container is gone. */
export function decodeLoad(reply: unknown): LoadedContainer | null {
  const [around, container] = loadReply(reply);
  return container.length === 0 ? null : loadedOf(shared(around), container);
}

/** In the order of asking. */
export function decodeLook(reply: unknown): readonly (Looked | 'SAME')[] {
  const [around, looks] = lookReply(reply);
  const same = shared(around);
  return looks.map((look) => (typeof look === 'string' ? look : readable(() => markedOf(same, look))));
}

function markedOf(around: Shared, reply: z.infer<typeof marked>): LookedContainer {
  const [container, running, queued, deleting, revisions, mark] = reply;
  const looked = loadedOf(around, [container, running, queued, deleting, revisions]);
  return mark === '' ? looked : { ...looked, mark };
}

/** One record that cannot be read must not hide the others. Its own work will find out why, and so it has to be taken. */
function readable(read: () => LoadedContainer): Looked {
  try {
    return read();
  } catch {
    return 'UNCLEAN';
  }
}

/** What is the same for all containers of one reading. */
type Shared = Pick<LoadedContainer, 'now' | 'ingresses' | 'capacityVersion' | 'capacityWanted'>;

function shared([now, reports, capacityVersion, waiting]: z.infer<typeof surroundings>): Shared {
  const ingresses: readonly IngressReport[] = reports.map(decodeReport);
  return { now, ingresses, capacityVersion, capacityWanted: waiting > 0 };
}

function loadedOf(around: Shared, reply: z.infer<typeof loaded>): LoadedContainer {
  const [container, running, queued, deleting, revisions] = reply;
  const decoded = revisions.map((revision) => decodeRevision(named(REVISION_FIELDS, revision)));
  return {
    ...around,
    record: decodeContainer(named(CONTAINER_FIELDS, container)),
    revisions: new Map(decoded.map((revision) => [revision.id, revision])),
    running: operationOf(running),
    queued: operationOf(queued),
    deleteRequested: deleting === 1,
  };
}

function operationOf([id, stored]: readonly string[]): Operation | null {
  return id === undefined || stored === undefined ? null : decodeOperation(id, stored);
}

function named(names: readonly string[], values: readonly string[]): Fields {
  const fields: Record<string, string> = {};
  for (const [at, name] of names.entries()) fields[name] = values[at] ?? '';
  return fields;
}
