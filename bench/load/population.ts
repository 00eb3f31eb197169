import { EMPTY_STATE } from '../../src/domain/container-state.js';
import { progressAt } from '../../src/domain/operation.js';
import type { Revision } from '../../src/domain/revision.js';
import type { NewContainer, NewOperation, NewRevision } from '../../src/store/records.js';
import type { Store } from '../../src/store/redis-store.js';
import type { Lease, WorkKey } from '../../src/store/work.js';
import {
  accepted,
  commitOf,
  devicesOf,
  hostOf,
  instanceOf,
  newContainer,
  newOperation,
  newRevision,
  routeOf,
  stateOf,
} from '../../test/support/store-fixture.js';
import { inParallel } from './in-parallel.js';

/** A container as a worker leaves it: ACTIVE, with one revision that serves from one instance and a route to it. */
export interface Resident {
  readonly containerId: string;
  readonly revisionId: string;
  /** Of the deploy, which is done. */
  readonly operationId: string;
  /** What the deploy left. */
  readonly state: ReturnType<typeof stateOf>;
}

/** The store's scripts take hundreds of keys at a time. */
const BATCH = 500;
/** Enough to keep Redis busy, and few enough to be answered in time by one that is slow. */
const WIDTH = 50;
const PER_HOST = 100;
const LEASE_MS = 600_000;

/**
 * Writes containers that are known and at rest, a hundred to a host, through the scripts that services and workers use: each was created, deployed
 * and switched to, holds its port on its host, and has nothing due.
 */
export async function populate(store: Store, count: number): Promise<readonly Resident[]> {
  const residents: Resident[] = [];
  for (let first = 0; first < count; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - first) }, (_, at) => first + at);
    for (const number of numbers.filter((each) => each % PER_HOST === 0)) await addHost(store, hostName(number));
    const drafts = await inParallel(WIDTH, numbers, (number) => submitted(store, number));
    const leases = await leasesOf(
      store,
      drafts.map(({ container }) => containerKey(container.id)),
    );
    residents.push(...(await inParallel(WIDTH, drafts, (draft) => settled(store, draft, leases))));
  }
  return residents;
}

export const containerKey = (id: string): WorkKey => `container/${id}`;

const hostName = (number: number): string => `gpu-${Math.floor(number / PER_HOST)}`;

async function addHost(store: Store, name: string): Promise<void> {
  const key: WorkKey = `host/${name}`;
  await store.queue.enqueue(key, 0);
  const lease = (await leasesOf(store, [key])).get(key);
  if (lease === undefined) throw new Error(`${key} is not leased`);
  await store.hostWork.saveHost(lease, hostOf({ name, ports: { first: 20_000, last: 29_999 } }));
  await store.queue.release(lease, { delayMs: null, clean: true });
}

interface Draft {
  readonly number: number;
  readonly container: NewContainer;
  readonly revision: NewRevision;
  readonly creation: NewOperation;
  readonly deployment: NewOperation;
}

async function submitted(store: Store, number: number): Promise<Draft> {
  const container = newContainer({ name: `resident-${number}` });
  const revision = newPlainRevision(container.id);
  const creation = newOperation('CREATE', container.id);
  const deployment = newOperation('DEPLOY', container.id, { revisionId: revision.id });
  accepted(await store.records.createContainer({ ...commitOf(creation), container }));
  accepted(await store.records.submit({ ...commitOf(deployment), revision }));
  return { number, container, revision, creation, deployment };
}

/** One that asks for nothing special and has an empty environment. */
export function newPlainRevision(containerId: string): NewRevision {
  const { spec, ...rest } = newRevision(containerId);
  const image = { ...spec.image, url: 'registry.example.com/team/app:1.0', environment: {} };
  return { ...rest, spec: { ...spec, image, executionTimeoutMs: 3_600_000 } };
}

/** Of all these keys, which must be due. What else is due stays so. */
export async function leasesOf(store: Store, keys: readonly WorkKey[]): Promise<ReadonlyMap<WorkKey, Lease>> {
  const wanted = new Set(keys);
  const leases = new Map<WorkKey, Lease>();
  const others: Lease[] = [];
  while (leases.size < wanted.size) {
    const taken = await store.queue.take(wanted.size - leases.size, LEASE_MS);
    if (taken.length === 0) throw new Error('what was seeded is not due');
    for (const lease of taken) {
      if (wanted.has(lease.key)) leases.set(lease.key, lease);
      else others.push(lease);
    }
  }
  for (const lease of others) await store.queue.release(lease, { delayMs: 0, clean: true });
  return leases;
}

async function settled(store: Store, draft: Draft, leases: ReadonlyMap<WorkKey, Lease>): Promise<Resident> {
  const { number, container, revision, creation, deployment } = draft;
  const containerId = container.id;
  const lease = leases.get(containerKey(containerId));
  if (lease === undefined) throw new Error(`${containerId} is not leased`);
  const { containerWork: work, queue } = store;
  await work.takeOperation(lease, { containerId, state: EMPTY_STATE, operationId: creation.id });
  await work.completeOperation(lease, {
    ...{ containerId, state: EMPTY_STATE, operationId: creation.id, revisionToRemove: null },
    result: { kind: 'EMPTY' },
  });
  await work.takeOperation(lease, { containerId, state: EMPTY_STATE, operationId: deployment.id });

  const port = 20_000 + (number % PER_HOST);
  const instance = { ...instanceOf(revision.id), host: hostName(number), port, ...STARTED };
  const devices = devicesOf(instance.id, { host: instance.host, port, gpuUuids: [] });
  const state = stateOf({ generation: 2, activeRevisionId: revision.id, stableRevisionId: revision.id });
  const placed = { ...state, instances: [instance], routed: [instance.id] };
  const placing = await work.place(lease, { containerId, state: placed, devices });
  if (placing !== 'PLACED') throw new Error(`${containerId} found no room`);
  await finishDeploy(store, lease, { revision, operationId: deployment.id, state: placed });
  await queue.release(lease, { delayMs: null, clean: true });
  return { containerId, revisionId: revision.id, operationId: deployment.id, state: placed };
}

const STARTED = {
  role: 'SERVING',
  imageReady: true,
  createIntended: true,
  created: true,
  startedAt: 1_700_000_000_000,
  engineStartedAt: '2026-01-01T00:00:00.000000000Z',
  healthyAt: 1_700_000_000_100,
  changedAt: 1_700_000_000_100,
} as const;

const RESOLVED = {
  digest: `sha256:${'d'.repeat(64)}`,
  id: `sha256:${'e'.repeat(64)}`,
  pullReference: `registry.example.com/team/app@sha256:${'d'.repeat(64)}`,
};

export interface Deploy {
  readonly revision: NewRevision;
  readonly operationId: string;
  /** What it leaves. */
  readonly state: Resident['state'];
}

/** From the pulled image on: the switch, with a route to the instances of the state, and the end of the operation, as a worker writes them. */
export async function finishDeploy(store: Store, lease: Lease, deploy: Deploy): Promise<void> {
  await switchTo(store, lease, deploy);
  await endDeploy(store, lease, deploy);
}

export async function switchTo({ containerWork }: Store, lease: Lease, { revision, state }: Deploy): Promise<void> {
  const { containerId } = revision;
  const targets = state.instances.map(({ id, address, port }) => ({ instanceId: id, address, port: port ?? 0 }));
  await containerWork.switchRevision(lease, {
    ...{ containerId, state, revisionId: revision.id, image: { revisionId: revision.id, image: RESOLVED } },
    route: routeOf(containerId, { revisionId: revision.id, targets }),
  });
}

export async function endDeploy({ containerWork }: Store, lease: Lease, deploy: Deploy): Promise<void> {
  const { revision, operationId, state } = deploy;
  const active: Revision = { ...revision, createdAt: 1_700_000_000_000, status: 'ACTIVE', image: RESOLVED };
  await containerWork.completeOperation(lease, {
    ...{ containerId: revision.containerId, state, operationId, revisionToRemove: null },
    progress: { ...progressAt('DONE', 100), rolloutOrder: 'START_FIRST' },
    result: { kind: 'REVISION', revision: active },
  });
}
