import { type OperationResult, progressAt } from '../domain/operation.js';
import { encodeDevices, encodeDocument } from './codec.js';
import { decodeLoad } from './loading.js';
import { encodeProgress, encodeResult, ownerOf } from './operation-text.js';
import type { FencedScripts } from './redis-leases.js';
import type { PlacementFeed } from './redis-placement-feed.js';
import { integer } from './redis-replies.js';
import type { ScriptArguments } from './script-runner.js';
import { type ContainerWork, type Lease, NEXT_ROUTE_VERSION, type RouteChange, type StateChange } from './work.js';

const EMPTY_RESULT: OperationResult = { kind: 'EMPTY' };
const DONE = progressAt('DONE', 100);

export function createRedisContainerWork(
  scripts: FencedScripts,
  feed: Pick<PlacementFeed, 'whileTaking'>,
): ContainerWork {
  return {
    load: async (lease, containerId) => {
      own(lease, containerId);
      return decodeLoad(await scripts.run('load', lease, { containerId }));
    },
    takeOperation: async (lease, change) => {
      const args = { ...written(lease, change), operationId: change.operationId };
      const reply = await scripts.run('take-operation', lease, args);
      return reply === 'LAST' || reply === 'MORE' ? reply : 'LEFT';
    },
    save: async (lease, change) => {
      await scripts.run('save', lease, written(lease, change));
    },
    place: async (lease, change) => {
      const { devices } = change;
      const text = encodeDevices(devices, change.containerId);
      const taking = scripts.run('place', lease, { ...written(lease, change), lease: devices, devices: text });
      const reply = await feed.whileTaking({ ...devices, containerId: change.containerId }, taking);
      return reply === 'PLACED' || reply === 'UNSEEN' ? reply : 'TAKEN';
    },
    moveDevices: async (lease, change) => {
      await scripts.run('move-devices', lease, { ...written(lease, change), from: change.from, to: change.to });
    },
    freeDevices: async (lease, change) => {
      await scripts.run('free-devices', lease, { ...written(lease, change), instanceId: change.instanceId });
    },
    publishRoute: async (lease, change) => {
      const args = { ...written(lease, change), route: routeText(change.route) };
      return integer.parse(await scripts.run('publish-route', lease, args));
    },
    beginStop: async (lease, change) => {
      const args = { ...written(lease, change), route: routeText(change.route) };
      const version = await scripts.run('begin-stop', lease, args);
      return version === 'CANCELLED' ? null : integer.parse(version);
    },
    switchRevision: async (lease, change) => {
      const { revisionId } = change;
      const args = { ...written(lease, change), route: routeText(change.route), revisionId, needed: needed(change) };
      const [version, ingresses] = String(await scripts.run('switch-revision', lease, args)).split(' ');
      if (ingresses === undefined) return null;
      return { version: integer.parse(version), ingresses: integer.parse(ingresses) };
    },
    revert: async (lease, change) => {
      const { operation } = change;
      const progress = encodeProgress(operation.progress);
      const args = { ...written(lease, change), operation: { ...operation, progress, result: '' } };
      return (await scripts.run('revert', lease, args)) === 'OK' ? 'QUEUED' : 'SUPERSEDED';
    },
    completeOperation: async (lease, change) => {
      const reply = await scripts.run('complete-operation', lease, {
        ...written(lease, change),
        operationId: change.operationId,
        result: encodeResult(change.result),
        resultOf: ownerOf(change.result),
        revisionToRemove: change.revisionToRemove ?? '',
      });
      return reply === 'LAST' ? 'LAST' : 'MORE';
    },
    removeContainer: async (lease, containerId, operationId) => {
      own(lease, containerId);
      const args = { containerId, operationId, result: encodeResult(EMPTY_RESULT), progress: encodeProgress(DONE) };
      await scripts.run('remove-container', lease, args);
    },
  };
}

/** A lease on one container is no right to write another. */
function own(lease: Lease, containerId: string): void {
  if (lease.key !== `container/${containerId}`) throw new TypeError(`${lease.key} is not container ${containerId}`);
}

/** A change of a container's record, as the scripts take it. */
export function written(lease: Lease, { containerId, state, progress, image }: StateChange): ScriptArguments {
  own(lease, containerId);
  return {
    containerId,
    state: JSON.stringify(state),
    ...(progress && { progress: encodeProgress(progress), waitsForCapacity: isBlocked(state) }),
    ...(image && { image: { revisionId: image.revisionId, text: JSON.stringify(image.image) } }),
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
