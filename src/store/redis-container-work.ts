import { z } from 'zod';
import { type Operation, type OperationResult, progressAt } from '../domain/operation.js';
import type { Revision } from '../domain/revision.js';
import { decodeContainer, decodeReport, decodeRevision, encodeDevices, encodeDocument, fieldsOf } from './codec.js';
import { decodeOperation, encodeProgress, encodeResult, ownerOf } from './operation-text.js';
import type { FencedScripts } from './redis-leases.js';
import type { PlacementFeed } from './redis-placement-feed.js';
import { integer, pairs, texts } from './redis-replies.js';
import type { ScriptArguments } from './script-runner.js';
import {
  type ContainerWork,
  type Lease,
  type LoadedContainer,
  NEXT_ROUTE_VERSION,
  type RouteChange,
  type StateChange,
} from './work.js';

const EMPTY_RESULT: OperationResult = { kind: 'EMPTY' };
const DONE = progressAt('DONE', 100);

export function createRedisContainerWork(
  scripts: FencedScripts,
  feed: Pick<PlacementFeed, 'whileTaking'>,
): ContainerWork {
  return {
    load: async (lease, containerId) => {
      own(lease, containerId);
      return loadedOf(loadReply.parse(await scripts.run('load', lease, { containerId })));
    },
    takeOperation: async (lease, change) => {
      await scripts.run('take-operation', lease, { ...written(lease, change), operationId: change.operationId });
    },
    save: async (lease, change) => {
      await scripts.run('save', lease, written(lease, change));
    },
    place: async (lease, change) => {
      const { devices } = change;
      const text = encodeDevices(devices, change.containerId);
      const taking = scripts.run('place', lease, { ...written(lease, change), lease: devices, devices: text });
      const reply = await feed.whileTaking({ ...devices, containerId: change.containerId }, taking);
      return reply === 'PLACED' ? 'PLACED' : 'TAKEN';
    },
    moveDevices: async (lease, change) => {
      await scripts.run('move-devices', lease, { ...written(lease, change), from: change.from, to: change.to });
    },
    freeDevices: async (lease, change) => {
      await scripts.run('free-devices', lease, { ...written(lease, change), instanceId: change.instanceId });
    },
    saveImage: async (lease, revisionId, image) => {
      const args = { containerId: containerOf(lease), revisionId, image: JSON.stringify(image) };
      await scripts.run('save-image', lease, args);
    },
    publishRoute: async (lease, change) => {
      const args = { ...written(lease, change), route: routeText(change.route) };
      return integer.parse(await scripts.run('publish-route', lease, args));
    },
    switchRevision: async (lease, change) => {
      const { revisionId } = change;
      const args = { ...written(lease, change), route: routeText(change.route), revisionId, needed: needed(change) };
      return integer.parse(await scripts.run('switch-revision', lease, args));
    },
    completeOperation: async (lease, change) => {
      await scripts.run('complete-operation', lease, {
        ...written(lease, change),
        operationId: change.operationId,
        result: encodeResult(change.result),
        resultOf: ownerOf(change.result),
        revisionToRemove: change.revisionToRemove ?? '',
      });
    },
    removeContainer: async (lease, containerId, operationId) => {
      own(lease, containerId);
      const args = { containerId, operationId, result: encodeResult(EMPTY_RESULT), progress: encodeProgress(DONE) };
      await scripts.run('remove-container', lease, args);
    },
  };
}

function containerOf(lease: Lease): string {
  return lease.key.slice(lease.key.indexOf('/') + 1);
}

/** A lease on one container is no right to write another. */
function own(lease: Lease, containerId: string): void {
  if (lease.key !== `container/${containerId}`) throw new TypeError(`${lease.key} is not container ${containerId}`);
}

function written(lease: Lease, { containerId, state, progress }: StateChange): ScriptArguments {
  own(lease, containerId);
  return {
    containerId,
    state: JSON.stringify(state),
    ...(progress && { progress: encodeProgress(progress), waitsForCapacity: isBlocked(state) }),
  };
}

const isBlocked = ({ rollout }: StateChange['state']): boolean => rollout !== null && rollout.blocked !== null;

const routeText = (route: RouteChange): string => encodeDocument({ ...route, version: NEXT_ROUTE_VERSION });

/** Revisions that trimming must not take. */
function needed({ state, revisionId }: StateChange & { readonly revisionId: string }): readonly string[] {
  const named = [
    revisionId,
    state.activeRevisionId,
    state.stableRevisionId,
    state.rollout?.revisionId,
    state.rollout?.formerRevisionId,
    ...state.instances.map((instance) => instance.revisionId),
  ];
  return [...new Set(named.filter((id) => typeof id === 'string'))];
}

const loadReply = z.tuple([z.number(), pairs, pairs, pairs, z.number(), z.array(pairs), texts, z.number(), z.number()]);

function loadedOf(reply: z.infer<typeof loadReply>): LoadedContainer | null {
  const [now, container, running, queued, deleting, revisions, reports, capacityVersion, waiting] = reply;
  const fields = fieldsOf(container);
  if (fields === null) return null;
  const decoded = revisions.map((revision): Revision => decodeRevision(fieldsOf(revision) ?? {}));
  return {
    now,
    record: decodeContainer(fields),
    revisions: new Map(decoded.map((revision) => [revision.id, revision])),
    running: operationOf(running),
    queued: operationOf(queued),
    deleteRequested: deleting === 1,
    ingresses: reports.map(decodeReport),
    capacityVersion,
    capacityWanted: waiting > 0,
  };
}

function operationOf([id, stored]: readonly string[]): Operation | null {
  return id === undefined || stored === undefined ? null : decodeOperation(id, stored);
}
