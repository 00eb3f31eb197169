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
    const leases = await leasesOf(store, drafts);
    residents.push(...(await inParallel(WIDTH, drafts, (draft) => settled(store, draft, leases))));
  }
  return residents;
}

const hostName = (number: number): string => `gpu-${Math.floor(number / PER_HOST)}`;

async function addHost(store: Store, name: string): Promise<void> {
  await store.queue.enqueue(`host/${name}`, 0);
  for (const lease of await store.queue.take(BATCH, LEASE_MS)) {
    await store.hostWork.saveHost(lease, hostOf({ name, ports: { first: 20_000, last: 29_999 } }));
    await store.queue.release(lease, { delayMs: null, clean: true });
  }
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

/** Of all these containers, whose keys must be due. */
export async function leasesOf(
  store: Store,
  containers: readonly { readonly container: { readonly id: string } }[],
): Promise<ReadonlyMap<WorkKey, Lease>> {
  const leases = await store.queue.take(containers.length, LEASE_MS);
  const found = new Map(leases.map((lease) => [lease.key, lease]));
  if (containers.some(({ container }) => !found.has(`container/${container.id}`)))
    throw new Error('a container that was seeded is not due');
  return found;
}

async function settled(store: Store, draft: Draft, leases: ReadonlyMap<WorkKey, Lease>): Promise<Resident> {
  const { number, container, revision, creation, deployment } = draft;
  const containerId = container.id;
  const lease = leases.get(`container/${containerId}`);
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

/** From the pulled image on: the switch, with a route to the instances of the state, and the end of the operation, as a worker writes them. */
export async function finishDeploy(
  { containerWork: work }: Store,
  lease: Lease,
  deploy: { readonly revision: NewRevision; readonly operationId: string; readonly state: Resident['state'] },
): Promise<void> {
  const { revision, operationId, state } = deploy;
  const { containerId } = revision;
  const targets = state.instances.map(({ id, address, port }) => ({ instanceId: id, address, port: port ?? 0 }));
  await work.saveImage(lease, revision.id, RESOLVED);
  await work.switchRevision(lease, {
    ...{ containerId, state, revisionId: revision.id },
    route: routeOf(containerId, { revisionId: revision.id, targets }),
  });
  const active: Revision = { ...revision, createdAt: 1_700_000_000_000, status: 'ACTIVE', image: RESOLVED };
  await work.completeOperation(lease, {
    ...{ containerId, state, operationId, revisionToRemove: null },
    progress: { ...progressAt('DONE', 100), rolloutOrder: 'START_FIRST' },
    result: { kind: 'REVISION', revision: active },
  });
}
