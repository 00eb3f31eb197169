import { randomBytes } from 'node:crypto';
import { type ContainerState, EMPTY_STATE } from '../../src/domain/container-state.js';
import type { HostRecord } from '../../src/domain/host.js';
import { makeId } from '../../src/domain/ids.js';
import type { InstanceRecord } from '../../src/domain/instance.js';
import type { OperationKind } from '../../src/domain/operation.js';
import type { RouteChange } from '../../src/domain/route.js';
import type {
  Commit,
  CommitOutcome,
  Idempotency,
  NewContainer,
  NewOperation,
  NewRevision,
} from '../../src/store/records.js';
import { createRedisClient } from '../../src/store/redis-client.js';
import { createStore, type Store } from '../../src/store/redis-store.js';
import type { ContainerWork, DeviceLease, Lease } from '../../src/store/work.js';

/** Stores that live on one Redis; every one is a process of its own as far as Redis can tell. */
export const openStore = (url: string, more: Partial<Parameters<typeof createStore>[0]> = {}): Store =>
  createStore({ connect: () => createRedisClient(url), ...more });

export const newId = (kind: Parameters<typeof makeId>[0]) => makeId(kind, randomBytes(17));

export function newContainer(more: Partial<NewContainer> = {}): NewContainer {
  return { id: newId('container'), folderId: 'default', name: '', description: 'd', labels: { team: 'a' }, ...more };
}

export function newOperation(kind: OperationKind, containerId: string, more: Partial<NewOperation> = {}): NewOperation {
  return {
    id: newId('operation'),
    kind,
    folderId: 'default',
    containerId,
    revisionId: null,
    createdBy: 'anonymous',
    progress: null,
    result: null,
    ...more,
  };
}

export function newRevision(containerId: string, more: Partial<NewRevision> = {}): NewRevision {
  return {
    id: newId('revision'),
    containerId,
    folderId: 'default',
    description: '',
    spec: {
      image: { url: 'app:1', command: [], args: [], environment: { A: 'ä"\\' }, workingDir: '' },
      resources: null,
      executionTimeoutMs: 1000,
      concurrency: 0,
      gpus: null,
      shmSize: 0,
      healthCheck: null,
      rolloutOrder: 'AUTO',
      pullPolicy: 'IF_ABSENT',
      runtime: 'HTTP',
      minimumRunTimeMs: 5000,
      minInstances: null,
    },
    ...more,
  };
}

export function instanceOf(revisionId: string, id = newId('instance')): InstanceRecord {
  return {
    id,
    revisionId,
    ordinal: 0,
    role: 'CANDIDATE',
    host: 'gpu-1',
    address: '127.0.0.1',
    gpuUuids: [],
    port: null,
    avoidPorts: [],
    leased: true,
    imageReady: false,
    createIntended: false,
    created: false,
    startedAt: null,
    engineStartedAt: null,
    healthyAt: null,
    drainVersion: null,
    drainDeadline: null,
    failed: null,
    unseen: null,
    restarts: 0,
    fault: null,
    changedAt: 1,
  };
}

export function stateOf(more: Partial<ContainerState> = {}): ContainerState {
  return { ...EMPTY_STATE, ...more };
}

export function devicesOf(instanceId: string, more: Partial<DeviceLease> = {}): DeviceLease {
  return { instanceId, host: 'gpu-1', gpuUuids: ['GPU-0'], port: 40_000, memory: 1024, cores: 1, ...more };
}

export function routeOf(containerId: string, more: Partial<RouteChange> = {}): RouteChange {
  return {
    containerId,
    state: 'SERVING',
    revisionId: null,
    targets: [],
    concurrency: 0,
    executionTimeoutMs: 1000,
    ...more,
  };
}

export function hostOf(more: Partial<HostRecord> = {}): HostRecord {
  return {
    name: 'gpu-1',
    address: '127.0.0.1',
    labels: {},
    ports: { first: 40_000, last: 40_010 },
    state: 'UP',
    since: 1,
    message: '',
    missedLooks: 0,
    silentSince: null,
    lookedAt: 1,
    gpus: [{ uuid: 'GPU-0', name: 'NVIDIA H200', memory: 1 }],
    foreignGpus: [],
    memory: 1,
    cores: 1,
    engineVersion: '20.10',
    observedAt: 1,
    orphans: [],
    ...more,
  };
}

export const commitOf = (operation: NewOperation, idempotency: Idempotency | null = null): Commit => ({
  operation,
  idempotency,
});

/** The operation of a commit that must have gone through. */
export function accepted(outcome: CommitOutcome) {
  if (outcome.kind !== 'COMMITTED') throw new Error(`not committed: ${outcome.kind}`);
  return outcome.operation;
}

/** A container and its queued Create. */
export async function createContainer(store: Store, more: Partial<NewContainer> = {}) {
  const container = newContainer(more);
  const operation = newOperation('CREATE', container.id, { folderId: container.folderId });
  accepted(await store.records.createContainer({ ...commitOf(operation), container }));
  return { id: container.id, operationId: operation.id };
}

/** Submits a deploy with a new revision. */
export async function deploy(store: Store, containerId: string) {
  const revision = newRevision(containerId);
  const operation = newOperation('DEPLOY', containerId, { revisionId: revision.id });
  accepted(await store.records.submit({ ...commitOf(operation), revision }));
  return { revisionId: revision.id, operationId: operation.id };
}

export async function submit(
  store: Store,
  kind: 'ROLLBACK' | 'DELETE',
  containerId: string,
  revisionId: string | null = null,
) {
  const operation = newOperation(kind, containerId, { revisionId });
  return { operationId: operation.id, outcome: await store.records.submit({ ...commitOf(operation), revision: null }) };
}

/** The lease of a key that must be due. */
export async function lease(store: Store, key: Lease['key'], ttlMs = 60_000): Promise<Lease> {
  await store.queue.enqueue(key, 0);
  const leases = await store.queue.take(100, ttlMs);
  const found = leases.find((candidate) => candidate.key === key);
  for (const other of leases) if (other !== found) await store.queue.release(other, { delayMs: 0, clean: true });
  if (found === undefined) throw new Error(`${key} is not to be had`);
  return found;
}

/** A container whose Create is done, leased. */
export async function activeContainer(store: Store, more: Partial<NewContainer> = {}) {
  const { id, operationId } = await createContainer(store, more);
  const held = await lease(store, `container/${id}`);
  await run(store, held, operationId);
  return { id, held };
}

/** Takes and completes an operation, leaving `state`. */
export async function run(store: Store, held: Lease, operationId: string, state = stateOf()) {
  const containerId = held.key.slice('container/'.length);
  await store.containerWork.takeOperation(held, { containerId, state, operationId });
  await store.containerWork.completeOperation(held, {
    containerId,
    state,
    operationId,
    result: { kind: 'EMPTY' },
    revisionToRemove: null,
  });
}

/** Switches, where nobody has asked the operation to stop. */
export async function switched(store: Store, ...[held, change]: Parameters<ContainerWork['switchRevision']>) {
  const outcome = await store.containerWork.switchRevision(held, change);
  if (outcome === null) throw new Error(`${change.containerId} was not switched`);
  return outcome;
}

/** Deploys a revision and switches to it. */
export async function deployed(store: Store, held: Lease, more: Partial<ContainerState> = {}) {
  const containerId = held.key.slice('container/'.length);
  const { revisionId, operationId } = await deploy(store, containerId);
  await store.containerWork.takeOperation(held, { containerId, state: stateOf(more), operationId });
  const state = stateOf({ ...more, activeRevisionId: revisionId });
  const { version } = await switched(store, held, {
    containerId,
    state,
    revisionId,
    route: routeOf(containerId, { revisionId }),
  });
  await store.containerWork.completeOperation(held, {
    containerId,
    state,
    operationId,
    result: { kind: 'EMPTY' },
    revisionToRemove: null,
  });
  return { revisionId, operationId, version };
}
