import { Redis } from 'ioredis';
import type { Store } from '../../../src/store/redis-store.js';
import { SCRIPT_NAMES, type ScriptName } from '../../../src/store/script-runner.js';
import { type Lease, LeaseLostError, type Rebuild } from '../../../src/store/work.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { type ContractRunner, scriptContract } from '../../support/script-contract.js';
import {
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  devicesOf,
  hostOf,
  instanceOf,
  lease,
  newContainer,
  newId,
  newOperation,
  newRevision,
  openStore,
  routeOf,
  stateOf,
  submit,
} from '../../support/store-fixture.js';

let redis: RedisServer;
let direct: Redis;
/** Prepares; its scripts run once. */
let plain: Store;
/** Every script that it runs goes through the contract. */
let store: Store;
let contract: ContractRunner;

beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.socketPath);
  contract = scriptContract(direct);
});
afterAll(async () => {
  direct?.disconnect();
  await redis?.stop();
});
// A store keeps up with hosts by what changes, and no service lives on when its Redis is emptied: each has its own.
beforeEach(async () => {
  await direct.flushall();
  plain = openStore(redis.url);
  store = openStore(redis.url, { wrapScripts: contract.wrap, settings: { obsoleteRevisions: 1 } });
});
afterEach(async () => {
  await Promise.all([plain.controlPlane.close(), store.controlPlane.close()]);
});

const progress = {
  step: 'PLACE',
  percent: 10,
  bytesDone: 0,
  bytesTotal: 0,
  rolloutOrder: null,
  message: 'full',
} as const;

/** A container with two revisions and a running deploy of a third. */
async function deploying() {
  const { id, held } = await activeContainer(plain, { name: 'busy' });
  const first = await deployed(plain, held);
  const second = await deployed(plain, held);
  const third = await deploy(plain, id);
  const state = stateOf({ activeRevisionId: second.revisionId, instances: [instanceOf(second.revisionId)] });
  await plain.containerWork.takeOperation(held, { containerId: id, state, operationId: third.operationId });
  return { id, held: await handedOver(held), first, second, third, state };
}

/** Steps of one lease are numbered by one process, so the store under test works on a lease of its own. */
async function handedOver(held: Lease, tried = true): Promise<Lease> {
  await plain.queue.release(held, { delayMs: 0, clean: true, tried });
  return lease(plain, held.key);
}

/** A container whose work has failed once. */
async function troubled() {
  const { id, held } = await activeContainer(plain);
  await plain.queue.release(held, { delayMs: 0, clean: false, failed: 'a defect' });
  return { id, held: await lease(plain, held.key) };
}

async function placed() {
  const busy = await deploying();
  const instanceId = newId('instance');
  await plain.containerWork.place(busy.held, {
    containerId: busy.id,
    state: busy.state,
    devices: devicesOf(instanceId),
  });
  return { ...busy, held: await handedOver(busy.held), instanceId };
}

/** What is tried of each script. A script without an entry does not compile, and fails below. */
const CASES: Record<ScriptName, () => Promise<void>> = {
  'create-container': async () => {
    const container = newContainer({ name: 'one' });
    const operation = newOperation('CREATE', container.id);
    const idempotency = { key: 'k', requestHash: 'h' };
    const create = (id: string, hash = 'h') =>
      store.records.createContainer({
        operation: { ...operation, id },
        idempotency: { ...idempotency, requestHash: hash },
        container,
      });
    expect((await create(operation.id)).kind).toBe('COMMITTED');
    expect(await create(newId('operation'))).toMatchObject({ kind: 'REPEATED', operation: { id: operation.id } });
    expect((await create(newId('operation'), 'other')).kind).toBe('KEY_REUSED');
    const rival = newContainer({ name: 'one' });
    const late = commitOf(newOperation('CREATE', rival.id));
    expect(await store.records.createContainer({ ...late, container: rival })).toEqual({
      kind: 'NAME_TAKEN',
      containerId: container.id,
    });
  },
  'update-container': async () => {
    const { id } = await activeContainer(plain, { name: 'one' });
    await createContainer(plain, { name: 'two' });
    const container = { id, folderId: 'default', name: 'three', description: '', labels: {} };
    const update = (name: string, expectedVersion: number) =>
      store.records.updateContainer({
        ...commitOf(newOperation('UPDATE', id, { result: { kind: 'EMPTY' } })),
        container: { ...container, name, expectedVersion },
      });
    expect((await update('three', 1)).kind).toBe('COMMITTED');
    expect((await update('four', 1)).kind).toBe('CHANGED');
    expect((await update('two', 2)).kind).toBe('NAME_TAKEN');
  },
  'set-access-bindings': async () => {
    const { id } = await activeContainer(plain);
    const operation = newOperation('SET_ACCESS_BINDINGS', id, { result: { kind: 'EMPTY', bindings: [] } });
    const bindings = [{ roleId: 'r', subjectId: 's', subjectType: 't' }];
    await store.records.setAccessBindings({ ...commitOf(operation), expectedVersion: 1, bindings });
    expect(await store.records.accessBindings(id)).toEqual({ version: 2, bindings });
  },
  submit: async () => {
    const { id, second, third } = await deploying();
    await deploy(store, id);
    expect((await submit(store, 'ROLLBACK', id, second.revisionId)).outcome.kind).toBe('COMMITTED');
    expect((await submit(store, 'ROLLBACK', id, third.revisionId)).outcome.kind).toBe('REVISION_NOT_FOUND');
    expect((await submit(store, 'DELETE', id)).outcome.kind).toBe('COMMITTED');
    expect((await submit(store, 'DELETE', id)).outcome.kind).toBe('DELETING');
    expect((await submit(store, 'DELETE', newId('container'))).outcome.kind).toBe('CONTAINER_NOT_FOUND');
  },
  cancel: async () => {
    const { id, third } = await deploying();
    const queued = await deploy(plain, id);
    expect(await store.records.cancel(queued.operationId)).toMatchObject({ state: 'DONE' });
    expect(await store.records.cancel(third.operationId)).toMatchObject({ state: 'RUNNING', cancelRequested: true });
    expect(await store.records.cancel(newId('operation'))).toBeNull();
  },
  read: async () => {
    const { id, first } = await deploying();
    const { revision, operation, container } = store.records;
    const found = await Promise.all([container(id), revision(first.revisionId), operation(first.operationId)]);
    expect(found.map((record) => record?.id)).toEqual([id, first.revisionId, first.operationId]);
    expect(await container(newId('container'))).toBeNull();
  },
  ended: async () => {
    const { third } = await deploying();
    const wait = store.watch.wait(third.operationId, 4_000, new AbortController().signal);
    expect(await wait).toMatchObject({ state: 'RUNNING' });
  },
  page: async () => {
    const { id, first, third } = await deploying();
    const index = { by: 'CONTAINER', containerId: id } as const;
    const page = await store.records.operations({ index, after: null, limit: 2 });
    expect(page.items).toHaveLength(2);
    expect(page.items[0]?.id).toBe(third.operationId);
    const rest = await store.records.operations({ index, after: page.next, limit: 2 });
    expect(rest).toMatchObject({ items: [{ id: first.operationId }, { kind: 'CREATE' }], next: null });
  },
  take: async () => {
    await plain.queue.enqueue('host/a', 0);
    await plain.queue.enqueue('host/b', 0);
    expect(await store.queue.take(5, 60_000)).toHaveLength(2);
    expect(await store.queue.take(5, 60_000)).toEqual([]);
  },
  renew: async () => {
    const held = await lease(plain, 'host/a');
    expect(await store.queue.renew([held, { ...held, token: 'x' }], 60_000)).toEqual(['host/a']);
  },
  release: async () => {
    await store.queue.release(await lease(plain, 'host/a'), { delayMs: 60_000, clean: true });
    const held = await lease(plain, 'host/b');
    await plain.queue.enqueue('host/b', 0);
    await store.queue.release(held, { delayMs: null, clean: false });
    expect(await plain.queue.nextDue()).toBe(0);
    for (const how of [{ failed: 'a defect' }, { tried: false }, {}])
      await store.queue.release(await lease(plain, 'host/a'), { delayMs: 0, clean: false, ...how });
    expect(await direct.exists('{longshore}:trouble')).toBe(0);
  },
  park: async () => {
    const { id, held } = await troubled();
    await store.parking.park(held, { containerId: id, state: stateOf({ parked: 'why' }) });
    expect((await plain.records.container(id))?.state.parked).toBe('why');
    expect(await plain.parking.parked()).toMatchObject([{ key: held.key, trouble: { count: 1, noted: true } }]);
    const host = await lease(plain, 'host/a');
    await store.parking.park(host, null);
    expect(await plain.parking.parked()).toHaveLength(1);
    await deploy(store, id);
    expect(await plain.parking.parked()).toEqual([]);
    expect((await handedOver(held, false)).trouble).toMatchObject({ count: 0, parkedAt: null, noted: true });
  },
  unpark: async () => {
    const { id, held } = await troubled();
    await plain.parking.park(held, { containerId: id, state: stateOf({ parked: 'why' }) });
    const next = await handedOver(held, false);
    await store.parking.unpark(next, { containerId: id, state: stateOf() });
    expect((await plain.records.container(id))?.state.parked).toBeUndefined();
    expect(await plain.parking.parked()).toEqual([]);
  },
  enqueue: async () => {
    await store.queue.enqueue('host/a', 1000);
    await lease(plain, 'host/b');
    await store.queue.enqueue('host/b', 0);
    expect(await direct.zcard('{longshore}:due')).toBe(1);
  },
  'next-due': async () => {
    expect(await store.queue.nextDue()).toBeNull();
    await plain.queue.enqueue('host/a', 0);
    expect(await store.queue.nextDue()).toBe(0);
  },
  load: async () => {
    const { id, held, third } = await deploying();
    expect((await store.containerWork.load(held, id))?.running?.id).toBe(third.operationId);
    const nobody = await lease(plain, 'container/none');
    expect(await store.containerWork.load(nobody, 'none')).toBeNull();
  },
  look: async () => {
    const { id, held } = await deploying();
    expect(await store.hostWork.look([id, 'none'])).toEqual(
      new Map([
        [id, 'BUSY'],
        ['none', 'UNKNOWN'],
      ]),
    );
    await plain.queue.release(held, { delayMs: null, clean: true });
    expect((await store.hostWork.look([id])).get(id)).toMatchObject({ record: { id }, running: { kind: 'DEPLOY' } });
    const resting = await activeContainer(plain);
    await plain.queue.release(resting.held, { delayMs: null, clean: true });
    const seen = (await store.hostWork.look([resting.id])).get(resting.id);
    const mark = typeof seen === 'object' ? seen.mark : undefined;
    expect(await store.hostWork.look([resting.id, id], new Map([[resting.id, mark ?? '']]))).toEqual(
      new Map<string, unknown>([
        [resting.id, 'SAME'],
        [id, expect.objectContaining({ deleteRequested: false })],
      ]),
    );
    const damaged = await createContainer(plain);
    await direct.hset(`{longshore}:container/${damaged.id}`, 'state', '{"instances":[]}');
    const looks = await store.hostWork.look([damaged.id, id]);
    expect([looks.get(damaged.id), looks.get(id)]).toEqual([
      'UNCLEAN',
      expect.objectContaining({ deleteRequested: false }),
    ]);
  },
  'take-operation': async () => {
    const { id, operationId } = await createContainer(plain);
    const held = await lease(plain, `container/${id}`);
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId, progress });
    expect((await plain.records.container(id))?.status).toBe('ACTIVE');
  },
  save: async () => {
    const { id, held, third } = await deploying();
    const image = { digest: 'sha256:1', id: 'sha256:2', pullReference: null };
    const found = { revisionId: third.revisionId, image };
    await store.containerWork.save(held, { containerId: id, state: stateOf({ message: 'm' }), progress, image: found });
    expect((await plain.records.operation(third.operationId))?.progress).toEqual(progress);
    expect((await plain.records.revision(third.revisionId))?.image).toEqual(image);
  },
  place: async () => {
    const { id, held, state } = await deploying();
    const place = (instanceId: string) =>
      store.containerWork.place(held, { containerId: id, state, devices: devicesOf(instanceId) });
    expect(await place('i1')).toBe('PLACED');
    expect(await place('i2')).toBe('TAKEN');
  },
  'move-devices': async () => {
    const { id, held, state, instanceId } = await placed();
    await store.containerWork.moveDevices(held, { containerId: id, state, from: instanceId, to: 'next' });
    expect(await direct.hgetall('{longshore}:gpus')).toEqual({ 'gpu-1/GPU-0': 'next' });
    await expect(
      store.containerWork.moveDevices(held, { containerId: id, state, from: instanceId, to: 'third' }),
    ).rejects.toThrow('NO_DEVICES');
  },
  'free-devices': async () => {
    const { id, held, state, instanceId } = await placed();
    await store.containerWork.freeDevices(held, { containerId: id, state, instanceId });
    expect(await direct.exists('{longshore}:gpus', '{longshore}:ports', '{longshore}:devices')).toBe(0);
  },
  'publish-route': async () => {
    const { id, held, state } = await deploying();
    const version = await store.containerWork.publishRoute(held, { containerId: id, state, route: routeOf(id) });
    expect(await plain.routes.version()).toBe(version);
  },
  'begin-stop': async () => {
    const { id, held, state } = await deploying();
    const version = await store.containerWork.beginStop(held, { containerId: id, state, route: routeOf(id) });
    expect(await plain.routes.version()).toBe(version);
  },
  'switch-revision': async () => {
    const { id, held, state, first, second, third } = await deploying();
    const { revisionId } = third;
    await store.containerWork.switchRevision(held, { containerId: id, state, revisionId, route: routeOf(id) });
    const status = async (revision: string) => (await plain.records.revision(revision))?.status;
    expect(await Promise.all([status(first.revisionId), status(second.revisionId), status(revisionId)])).toEqual([
      undefined,
      'OBSOLETE',
      'ACTIVE',
    ]);
  },
  revert: async () => {
    const { id, held: former } = await activeContainer(plain);
    const first = await deployed(plain, former);
    const second = await deployed(plain, former);
    const held = await handedOver(former);
    const state = stateOf({ activeRevisionId: second.revisionId, message: 'it died' });
    const own = (revisionId: string) => ({
      containerId: id,
      state,
      operation: {
        ...newOperation('ROLLBACK', id, { createdBy: 'longshore', description: 'it "died":\nä' }),
        revisionId,
      },
    });
    await expect(store.containerWork.revert(held, own('none'))).rejects.toThrow(/NO_REVISION none/);
    const change = own(first.revisionId);
    expect(await store.containerWork.revert(held, change)).toBe('QUEUED');
    const { operation } = change;
    expect(await plain.containerWork.load(held, id)).toMatchObject({ queued: operation, record: { state } });
    const index = { by: 'CONTAINER', containerId: id } as const;
    expect((await plain.records.operations({ index, after: null, limit: 1 })).items).toMatchObject([operation]);

    const late = { ...own(first.revisionId), state: stateOf({ message: 'another' }) };
    expect(await store.containerWork.revert(held, late)).toBe('SUPERSEDED');
    expect(await plain.records.operation(late.operation.id)).toBeNull();
    expect((await plain.records.container(id))?.state.message).toBe('it died');
    await plain.containerWork.takeOperation(held, { containerId: id, state, operationId: operation.id });
    expect(await plain.records.operation(operation.id)).toMatchObject({ ...operation, state: 'RUNNING' });
  },
  'complete-operation': async () => {
    const { id, held, state, third } = await deploying();
    const failure = { code: 'INTERNAL', reason: 'R', message: 'm' } as const;
    await store.containerWork.completeOperation(held, {
      containerId: id,
      state,
      operationId: third.operationId,
      result: { kind: 'ERROR', failure },
      revisionToRemove: third.revisionId,
    });
    expect(await plain.records.revision(third.revisionId)).toBeNull();
  },
  'remove-container': async () => {
    const { id, held, third } = await placed();
    await store.containerWork.removeContainer(held, id, third.operationId);
    expect(await plain.records.container(id)).toBeNull();
  },
  rebuild: async () => {
    const host: Lease = await lease(plain, 'host/gpu-1');
    const one = newContainer({ name: 'lost' });
    const spec = newRevision(one.id).spec;
    const revisionOf = (containerId: string, status: 'ACTIVE' | 'OBSOLETE', id = newId('revision')) => {
      const image = { digest: 'sha256:1', id: 'sha256:1', pullReference: null };
      return { id, containerId, folderId: 'default', description: 'r', createdAt: 7, status, spec, image };
    };
    const old = revisionOf(one.id, 'OBSOLETE');
    const active = revisionOf(one.id, 'ACTIVE');
    const state = stateOf({ generation: 4, activeRevisionId: active.id });
    const lost: Rebuild = {
      container: { ...one, createdAt: 5 },
      ...{ known: null, revisions: [old, active], state, devices: [devicesOf('i')], leased: ['i'] },
    };
    expect(await store.hostWork.rebuild(host, lost)).toEqual({ kind: 'REBUILT' });
    expect(await plain.records.container(one.id)).toMatchObject({ ...one, createdAt: 5, status: 'ACTIVE', state });
    expect(await plain.records.revision(active.id)).toEqual(active);
    const listed = await plain.records.revisions({
      index: { by: 'CONTAINER', containerId: one.id },
      after: null,
      limit: 9,
    });
    expect(listed.items.map(({ id }) => id)).toEqual([active.id, old.id]);
    expect(await plain.hostWork.containersOn('gpu-1')).toEqual([one.id]);
    expect(await lease(plain, `container/${one.id}`)).toMatchObject({ unclean: true });

    // A record that is there is only brought up to what it was seen to be, and while nobody works on it.
    expect(await store.hostWork.rebuild(host, lost)).toEqual({ kind: 'CHANGED' });
    const { id, held, third, second } = await placed();
    const known = (await plain.hostWork.remembered(id))?.state ?? null;
    const fourth = revisionOf(id, 'ACTIVE');
    const newer: Rebuild = {
      container: { ...newContainer({ id }), createdAt: 1 },
      ...{ known, revisions: [fourth], state: stateOf({ generation: 9 }), devices: [], leased: [] },
    };
    expect(await store.hostWork.rebuild(host, newer)).toEqual({ kind: 'CHANGED' });
    await plain.queue.release(held, { delayMs: 60_000, clean: true });
    const other = { ...newer, devices: [devicesOf('j', { port: 40_001 })], leased: ['j'] };
    const taken = { kind: 'DEVICE_TAKEN', instanceId: 'i', containerId: one.id, device: 'GPU-0' };
    expect(await store.hostWork.rebuild(host, other)).toEqual(taken);
    expect(await store.hostWork.rebuild(host, newer)).toEqual({ kind: 'REBUILT' });
    expect(await plain.records.operation(third.operationId)).toMatchObject({
      result: { failure: { code: 'ABORTED' } },
    });
    expect(await plain.records.revision(third.revisionId)).toBeNull();
    expect(await plain.records.revision(second.revisionId)).toMatchObject({ status: 'OBSOLETE' });
    expect(await plain.records.revision(fourth.id)).toMatchObject({ status: 'ACTIVE' });

    // A name is one container's.
    const rival = { ...lost, container: { ...newContainer({ name: 'lost' }), createdAt: 1 }, devices: [], leased: [] };
    expect(await store.hostWork.rebuild(host, rival)).toEqual({ kind: 'NAME_TAKEN', containerId: one.id });
  },
  'load-host': async () => {
    const held: Lease = await lease(plain, 'host/gpu-1');
    expect(await store.hostWork.loadHost(held)).toMatchObject({ host: null });
    await plain.hostWork.saveHost(held, hostOf());
    const { host, memory } = await store.hostWork.loadHost(held);
    expect(host).toEqual(hostOf());
    // What was before anybody asked is not sure; from then on all is known.
    expect(memory.gaps).toEqual([[0, held.fence - 1]]);
    await direct.hset('{longshore}:control-plane', 'replication', 'another');
    const { memory: later } = await store.hostWork.loadHost(held);
    const leapt = later.gaps.at(-1)?.[1] ?? 0;
    expect(later).toEqual({ ...memory, gaps: [...memory.gaps, [held.fence, leapt]] });
    expect(leapt - held.fence).toBeGreaterThanOrEqual(1_000_000);
    expect((await lease(plain, 'host/gpu-2')).fence).toBe(leapt + 1);
  },
  'save-host': async () => {
    const held: Lease = await lease(plain, 'host/gpu-1');
    await store.hostWork.saveHost(held, hostOf());
    expect((await plain.hostWork.hosts()).map(({ host }) => host)).toEqual([hostOf()]);
  },
  'note-image': async () => {
    const held: Lease = await lease(plain, 'container/c');
    const image = (imageId: string, ...references: string[]) => ({ host: 'gpu-1', imageId, references });
    await store.hostWork.noteImage(held, image('i1', 'reg/a:1'));
    await store.hostWork.noteImage(held, image('i1', 'reg/a:1', 'reg/a:2'));
    expect(await plain.hostWork.pulledImages('gpu-1')).toMatchObject([
      { imageId: 'i1', references: ['reg/a:1', 'reg/a:2'], usedAt: expect.any(Number) },
    ]);
    expect(await plain.hostWork.pulledImages('gpu-2')).toEqual([]);
  },
  'save-images': async () => {
    const held: Lease = await lease(plain, 'container/c');
    for (const imageId of ['i1', 'i2', 'i3'])
      await plain.hostWork.noteImage(held, { host: 'gpu-1', imageId, references: ['reg/a:1'] });
    const before = await plain.hostWork.pulledImages('gpu-1');
    const host: Lease = await lease(plain, 'host/gpu-1');
    await store.hostWork.saveImages(host, { used: ['i1', 'unknown'], gone: ['i2'] });
    const after = await plain.hostWork.pulledImages('gpu-1');
    expect(after.map(({ imageId }) => imageId).toSorted()).toEqual(['i1', 'i3']);
    const usedAt = (list: typeof after, id: string) => list.find(({ imageId }) => imageId === id)?.usedAt ?? 0;
    expect(usedAt(after, 'i1')).toBeGreaterThanOrEqual(usedAt(before, 'i1'));
    expect(usedAt(after, 'i3')).toBe(usedAt(before, 'i3'));
  },
  'remove-host': async () => {
    const held: Lease = await lease(plain, 'host/gpu-1');
    await store.hostWork.saveHost(held, hostOf());
    await store.hostWork.removeHost(held);
    expect(await plain.hostWork.hosts()).toEqual([]);
  },
  hosts: async () => {
    const { id } = await placed();
    expect(await store.hostWork.hosts()).toEqual([]);
    expect(await store.hostWork.containersOn('gpu-1')).toEqual([id]);
  },
  routes: async () => {
    expect(await store.routes.routes()).toEqual({ version: 0, routes: [], unreadable: [] });
    const { id, second } = await deploying();
    expect(await store.routes.routes()).toMatchObject({ version: second.version, routes: [{ containerId: id }] });
  },
  'report-ingress': async () => {
    const { id, held } = await deploying();
    const report = { ingressId: 'i', appliedVersion: 2, busyInstances: ['b'] };
    await store.routes.report(report, 60_000, [id, newRevision(id).containerId]);
    expect((await plain.containerWork.load(held, id))?.ingresses).toEqual([report]);
  },
  'leave-ingress': async () => {
    await plain.routes.report({ ingressId: 'i', appliedVersion: 2, busyInstances: [] }, 60_000, []);
    await store.routes.leave('i');
    expect(await direct.keys('*ingress*')).toEqual([]);
  },
  assume: async () => {
    const own = await plain.controlPlane.id();
    const host: Lease = await lease(plain, 'host/gpu-1');
    await plain.hostWork.saveHost(host, hostOf());
    expect(await store.controlPlane.assume({ own: 'somebody', former: 'lost' })).toBe('OTHER');
    expect(await store.controlPlane.assume({ own, former: 'lost' })).toBe('OK');
    expect(await plain.controlPlane.present()).toBe('lost');
    expect(await plain.hostWork.hosts()).toEqual([]);
    await placed();
    expect(await store.controlPlane.assume({ own: 'lost', former: 'another' })).toBe('HOLDS');
    // Who began as another must not see what is its successor's.
    await expect(plain.hostWork.loadHost(host, own)).rejects.toThrow(LeaseLostError);
  },
  open: async () => {
    const id = await store.controlPlane.id();
    expect(await store.controlPlane.id()).toBe(id);
    expect(await plain.controlPlane.id()).toBe(id);
  },
};

test.each(SCRIPT_NAMES)('%s keeps the promises of all scripts', async (name) => {
  const before = contract.seen.get(name) ?? 0;
  await CASES[name]();
  expect(contract.seen.get(name) ?? 0).toBeGreaterThan(before);
});
