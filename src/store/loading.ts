import { z } from 'zod';
import type { Operation } from '../domain/operation.js';
import type { IngressReport } from '../domain/route.js';
import { decodeContainer, decodeReport, decodeRevision, fieldsOf } from './codec.js';
import { decodeOperation } from './operation-text.js';
import { pairs, texts } from './redis-replies.js';
import type { LoadedContainer, Looked } from './work.js';

/*
 * What the scripts load and look reply, as lib/loading has it.
 */

const surroundings = z.tuple([z.number(), texts, z.number(), z.number()]);
const loaded = z.tuple([pairs, pairs, pairs, z.number(), z.array(pairs)]);
const loadReply = z.tuple([surroundings, z.union([loaded, z.tuple([])])]);
const lookReply = z.tuple([
  surroundings,
  z.array(z.union([z.enum(['UNKNOWN', 'DELETED', 'BUSY', 'UNCLEAN']), loaded])),
]);

/** Null: the container is gone. */
export function decodeLoad(reply: unknown): LoadedContainer | null {
  const [around, container] = loadReply.parse(reply);
  return container.length === 0 ? null : loadedOf(shared(around), container);
}

/** In the order of asking. */
export function decodeLook(reply: unknown): readonly Looked[] {
  const [around, looks] = lookReply.parse(reply);
  const same = shared(around);
  return looks.map((look) => (typeof look === 'string' ? look : loadedOf(same, look)));
}

/** What is the same for all containers of one reading. */
type Shared = Pick<LoadedContainer, 'now' | 'ingresses' | 'capacityVersion' | 'capacityWanted'>;

function shared([now, reports, capacityVersion, waiting]: z.infer<typeof surroundings>): Shared {
  const ingresses: readonly IngressReport[] = reports.map(decodeReport);
  return { now, ingresses, capacityVersion, capacityWanted: waiting > 0 };
}

function loadedOf(around: Shared, reply: z.infer<typeof loaded>): LoadedContainer {
  const [container, running, queued, deleting, revisions] = reply;
  const decoded = revisions.map((revision) => decodeRevision(fieldsOf(revision) ?? {}));
  return {
    ...around,
    record: decodeContainer(fieldsOf(container) ?? {}),
    revisions: new Map(decoded.map((revision) => [revision.id, revision])),
    running: operationOf(running),
    queued: operationOf(queued),
    deleteRequested: deleting === 1,
  };
}

function operationOf([id, stored]: readonly string[]): Operation | null {
  return id === undefined || stored === undefined ? null : decodeOperation(id, stored);
}
