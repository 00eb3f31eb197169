import type { ContainerState } from '../../../src/domain/container-state.js';
import type { RevisionIndex } from '../../../src/store/records.js';
import type { Store } from '../../../src/store/redis-store.js';
import { type Lease, LeaseLostError, NEXT_ROUTE_VERSION } from '../../../src/store/work.js';
import { aRollout } from '../reconciler/builders.js';
import {
  accepted,
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
  routeOf,
  run,
  stateOf,
  submit,
  switched,
} from '../store-fixture.js';
import { until } from '../until.js';
import { queueContract } from './queue-contract.js';
import { routesContract } from './routes-contract.js';

/** What the ports of the store promise, whatever stands behind them. `open` gives stores that share their data, empty before each test. */
export function storeContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  beforeEach(() => {
    store = open();
    other = open();
  });
  afterEach(async () => {
    await Promise.all([store.controlPlane.close(), other.controlPlane.close()]);
  });

  describe('commits', () => {
    test('a name belongs to one container of a folder until its Delete is done', async () => {
      const { id, held } = await activeContainer(store, { name: 'web' });
      const create = async (folderId: string) => {
        const container = newContainer({ name: 'web', folderId });
        return store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id)), container });
      };
      expect(await create('default')).toEqual({ kind: 'NAME_TAKEN', containerId: id });
      expect((await create('elsewhere')).kind).toBe('COMMITTED');

      const { operationId } = await submit(store, 'DELETE', id);
      expect((await create('default')).kind).toBe('NAME_TAKEN');
      await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
      await store.containerWork.removeContainer(held, id, operationId);
      expect((await create('default')).kind).toBe('COMMITTED');
    });

    test('of many that want one name, one gets it', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, at) => {
          const container = newContainer({ name: 'only' });
          const commit = { ...commitOf(newOperation('CREATE', container.id)), container };
          return (at % 2 ? store : other).records.createContainer(commit);
        }),
      );
      expect(outcomes.filter(({ kind }) => kind === 'COMMITTED')).toHaveLength(1);
      expect(outcomes.filter(({ kind }) => kind === 'NAME_TAKEN')).toHaveLength(19);
    });

    test('containers without a name do not clash, and are found by it', async () => {
      const { id } = await createContainer(store);
      const { id: next } = await createContainer(store);
      const page = await store.records.containers({
        index: { by: 'NAME', folderId: 'default', name: '' },
        after: null,
        limit: 10,
      });
      expect(page.items.map((item) => item.id)).toEqual([next, id]);
    });

    test('a repeated request gets its first operation, also after the container is gone', async () => {
      const { id, held } = await activeContainer(store);
      const idempotency = { key: 'delete-it', requestHash: 'h1' };
      const first = newOperation('DELETE', id);
      expect(await store.records.repeated(idempotency)).toBeNull();
      accepted(await store.records.submit({ ...commitOf(first, idempotency), revision: null }));
      await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId: first.id });
      await store.containerWork.removeContainer(held, id, first.id);

      const again = { ...commitOf(newOperation('DELETE', id), idempotency), revision: null };
      const repeated = { kind: 'REPEATED', operation: { id: first.id, state: 'DONE' } };
      expect(await other.records.submit(again)).toMatchObject(repeated);
      expect(await other.records.repeated(idempotency)).toMatchObject(repeated);
      const different = { ...idempotency, requestHash: 'h2' };
      expect(await other.records.submit({ ...again, idempotency: different })).toEqual({ kind: 'KEY_REUSED' });
      expect(await other.records.repeated(different)).toEqual({ kind: 'KEY_REUSED' });
    });

    test('what is stored comes back as it was, and a change expects the version it saw', async () => {
      const { id } = await activeContainer(store, { name: 'ä', description: '"\\/\n', labels: { a: '' } });
      expect(await store.records.container(id)).toMatchObject({
        name: 'ä',
        description: '"\\/\n',
        labels: { a: '' },
        version: 1,
        state: stateOf(),
      });
      const result = { kind: 'EMPTY' } as const;
      const change = { id, folderId: 'default', name: 'new', description: '', labels: {}, expectedVersion: 1 };
      const update = () =>
        store.records.updateContainer({ ...commitOf(newOperation('UPDATE', id, { result })), container: change });
      expect(accepted(await update())).toMatchObject({ state: 'DONE', result });
      expect(await update()).toEqual({ kind: 'CHANGED' });
      expect(await store.records.container(id)).toMatchObject({ name: 'new', version: 2 });
      const byName = (name: string) =>
        store.records.containers({ index: { by: 'NAME', folderId: 'default', name }, after: null, limit: 2 });
      expect((await byName('ä')).items).toEqual([]);
      expect((await byName('new')).items).toHaveLength(1);
    });

    test('a rollback goes to a revision of this container that has run', async () => {
      const { id, held } = await activeContainer(store);
      const { revisionId } = await deployed(store, held);
      const stranger = await activeContainer(store);
      const fresh = await deploy(store, id);
      expect((await submit(store, 'ROLLBACK', id, fresh.revisionId)).outcome.kind).toBe('REVISION_NOT_FOUND');
      expect((await submit(store, 'ROLLBACK', stranger.id, revisionId)).outcome.kind).toBe('REVISION_NOT_FOUND');
      expect((await submit(store, 'ROLLBACK', id, 'none')).outcome.kind).toBe('REVISION_NOT_FOUND');
      expect((await submit(store, 'ROLLBACK', id, revisionId)).outcome.kind).toBe('COMMITTED');
    });
  });

  describe('the journal', () => {
    test('operations of one container run first in, first out', async () => {
      const { id, held } = await activeContainer(store);
      const submitted = [await deploy(store, id), await deploy(other, id), await deploy(store, id)];
      const order: string[] = [];
      for (let count = 0; count < 3; count += 1) {
        const queued = (await store.containerWork.load(held, id))?.queued;
        order.push(queued?.id ?? '');
        await run(store, held, queued?.id ?? '');
      }
      expect(order).toEqual(submitted.map(({ operationId }) => operationId));
      expect(await store.containerWork.load(held, id)).toMatchObject({ queued: null, running: null });
    });

    test('an accepted Delete ends what is queued, stops what runs and refuses everything else', async () => {
      const { id, held } = await activeContainer(store);
      const running = await deploy(store, id);
      const queued = await deploy(store, id);
      await store.containerWork.takeOperation(held, {
        containerId: id,
        state: stateOf(),
        operationId: running.operationId,
      });
      const deletion = await submit(store, 'DELETE', id);
      expect(deletion.outcome.kind).toBe('COMMITTED');
      expect(await store.records.operation(queued.operationId)).toMatchObject({
        state: 'DONE',
        result: { kind: 'ERROR', failure: { code: 'CANCELLED' } },
      });
      expect(await store.records.revision(queued.revisionId)).toBeNull();
      expect(await store.records.operation(running.operationId)).toMatchObject({
        state: 'RUNNING',
        cancelRequested: true,
      });
      const revision = newRevision(id);
      const late = newOperation('DEPLOY', id, { revisionId: revision.id });
      expect(await store.records.submit({ ...commitOf(late), revision })).toEqual({ kind: 'DELETING' });
      expect((await submit(store, 'DELETE', id)).outcome).toEqual({ kind: 'DELETING' });

      const end = (operationId: string) =>
        store.containerWork.completeOperation(held, {
          containerId: id,
          state: stateOf(),
          operationId,
          result: { kind: 'ERROR', failure: { code: 'UNAVAILABLE', reason: 'R', message: 'm' } },
          revisionToRemove: null,
        });
      await end(running.operationId);
      await store.containerWork.takeOperation(held, {
        containerId: id,
        state: stateOf(),
        operationId: deletion.operationId,
      });
      await end(deletion.operationId);
      expect(await store.containerWork.load(held, id)).toMatchObject({
        record: { status: 'DELETING' },
        deleteRequested: false,
      });
      expect((await submit(store, 'DELETE', id)).outcome.kind).toBe('COMMITTED');
    });

    test('cancel ends a queued operation at once, asks a running one, and leaves a Create and a done one alone', async () => {
      const created = await createContainer(store);
      expect(await store.records.cancel(created.operationId)).toMatchObject({
        state: 'QUEUED',
        cancelRequested: false,
      });
      const held = await lease(store, `container/${created.id}`);
      await run(store, held, created.operationId);
      const done = await store.records.operation(created.operationId);
      expect(await store.records.cancel(created.operationId)).toEqual(done);

      const queued = await deploy(store, created.id);
      const running = await deploy(store, created.id);
      expect(await store.records.cancel(queued.operationId)).toMatchObject({ state: 'DONE' });
      expect(await store.records.revision(queued.revisionId)).toBeNull();
      const change = { containerId: created.id, state: stateOf({ generation: 9 }) };
      const take = (operationId: string) => store.containerWork.takeOperation(held, { ...change, operationId });
      expect(await take(queued.operationId)).toBe('LEFT');
      expect((await store.containerWork.load(held, created.id))?.record.state.generation).toBe(0);
      expect(await take(running.operationId)).toBe('LAST');
      expect(await store.records.cancel(running.operationId)).toMatchObject({ cancelRequested: true, result: null });
      expect(await store.records.cancel('none')).toBeNull();
    });

    test('taking an operation and its end tell whether another of its container waits', async () => {
      const { id, held } = await activeContainer(store);
      const [first, second] = [await deploy(store, id), await deploy(store, id)];
      const change = { containerId: id, state: stateOf() };
      const end = async (operationId: string) => {
        const taken = await store.containerWork.takeOperation(held, { ...change, operationId });
        const ended = { operationId, result: { kind: 'EMPTY' }, revisionToRemove: null } as const;
        return [taken, await store.containerWork.completeOperation(held, { ...change, ...ended })];
      };
      expect(await end(first.operationId)).toEqual(['MORE', 'MORE']);
      expect(await end(second.operationId)).toEqual(['LAST', 'LAST']);
    });

    test('an operation that has been asked to stop switches nothing', async () => {
      const { id, held } = await activeContainer(store);
      const { operationId, revisionId } = await deploy(store, id);
      await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
      await store.records.cancel(operationId);
      const before = await store.containerWork.load(held, id);
      const switching = { containerId: id, state: stateOf({ activeRevisionId: revisionId }), revisionId };
      expect(await store.containerWork.switchRevision(held, { ...switching, route: routeOf(id) })).toBeNull();
      expect(await store.containerWork.load(held, id)).toEqual({ ...before, now: expect.any(Number) });
      expect(await store.routes.route(id)).toBeNull();
    });

    test('a done operation never changes again', async () => {
      const { id, held } = await activeContainer(store);
      const { operationId } = await deployed(store, held);
      const done = await store.records.operation(operationId);
      const failure = { code: 'INTERNAL', reason: 'R', message: 'm' } as const;
      await store.containerWork.completeOperation(held, {
        containerId: id,
        state: stateOf(),
        operationId,
        result: { kind: 'ERROR', failure },
        revisionToRemove: null,
      });
      await store.records.cancel(operationId);
      expect(await store.records.operation(operationId)).toEqual(done);
    });
  });

  describe('lists', () => {
    const all = async (limit: number) => {
      const ids: string[] = [];
      let after: string | null = null;
      do {
        const page = await store.records.containers({ index: { by: 'FOLDER', folderId: 'default' }, after, limit });
        ids.push(...page.items.map(({ id }) => id));
        expect(page.positions).toHaveLength(page.items.length);
        after = page.next;
        if (after !== null) await createContainer(other);
      } while (after !== null);
      return ids;
    };

    test('pages are newest first and neither skip nor repeat while others are added', async () => {
      const ids: string[] = [];
      for (let count = 0; count < 7; count += 1) ids.unshift((await createContainer(store)).id);
      expect(await all(3)).toEqual(ids);
    });

    test('status and done lists follow their records', async () => {
      const { id, operationId } = await createContainer(store);
      const counts = async () => {
        const containers = (status: 'CREATING' | 'ACTIVE' | 'DELETING') =>
          store.records.containers({ index: { by: 'STATUS', folderId: 'default', status }, after: null, limit: 5 });
        const operations = (done: boolean) =>
          store.records.operations({ index: { by: 'CONTAINER', containerId: id, done }, after: null, limit: 5 });
        const revisions = (status: 'CREATING' | 'ACTIVE' | 'OBSOLETE') =>
          store.records.revisions({ index: { by: 'CONTAINER', containerId: id, status }, after: null, limit: 5 });
        const pages = [
          await containers('CREATING'),
          await containers('ACTIVE'),
          await containers('DELETING'),
          await operations(false),
          await operations(true),
          await revisions('CREATING'),
          await revisions('ACTIVE'),
          await revisions('OBSOLETE'),
        ];
        return pages.map((page) => page.items.length).join(' ');
      };
      expect(await counts()).toBe('1 0 0 1 0 0 0 0');
      const held = await lease(store, `container/${id}`);
      await run(store, held, operationId);
      expect(await counts()).toBe('0 1 0 0 1 0 0 0');
      await deployed(store, held);
      await deployed(store, held);
      expect(await counts()).toBe('0 1 0 0 3 0 1 1');
      await deploy(store, id);
      expect(await counts()).toBe('0 1 0 1 3 1 1 1');
      await submit(store, 'DELETE', id);
      expect(await counts()).toBe('0 0 1 1 4 0 1 1');
    });

    test('revisions are listed once they have been deployed, newest first, whatever their status', async () => {
      const { id, held } = await activeContainer(store);
      const first = await deployed(store, held);
      const second = await deployed(store, held);
      await deploy(store, id);
      const idsOf = async (index: RevisionIndex, after: string | null, limit: number) => {
        const page = await store.records.revisions({ index, after, limit });
        return { ids: page.items.map((revision) => revision.id), next: page.next };
      };
      for (const index of [
        { by: 'CONTAINER', containerId: id },
        { by: 'FOLDER', folderId: 'default' },
      ] as const) {
        const newest = await idsOf(index, null, 1);
        expect(newest.ids).toEqual([second.revisionId]);
        expect(await idsOf(index, newest.next, 5)).toEqual({ ids: [first.revisionId], next: null });
      }
    });

    test('what a folder lists is its own, however it is named', async () => {
      const container = newContainer({ folderId: 'b/c%2Fd', name: 'a%/' });
      accepted(await store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id)), container }));
      const page = (folderId: string, name: string) =>
        store.records.containers({ index: { by: 'NAME', folderId, name }, after: null, limit: 5 });
      expect((await page('b/c%2Fd', 'a%/')).items).toHaveLength(1);
      expect((await page('b', 'c%2Fd/a%/')).items).toHaveLength(0);
    });
  });

  describe('the work queue', () => {
    queueContract(() => [store.queue, other.queue]);

    test('the holder of a lapsed lease changes nothing any more', async () => {
      const { id, operationId } = await createContainer(store);
      const [lost] = (await store.queue.take(1, 1)) as [Lease];
      await until('the lease lapses', async () => (await other.queue.take(1, 60_000))[0]);
      const change = { containerId: id, state: stateOf(), operationId };
      await expect(store.containerWork.takeOperation(lost, change)).rejects.toThrow(LeaseLostError);
      await expect(store.containerWork.load(lost, id)).rejects.toThrow(LeaseLostError);
      expect(await store.records.operation(operationId)).toMatchObject({ state: 'QUEUED' });
    });
  });

  describe('devices', () => {
    test('no device is leased twice, whoever is faster', async () => {
      const contenders = await Promise.all(
        Array.from({ length: 12 }, async (_, at) => {
          const owner = at % 2 ? store : other;
          return { owner, ...(await createContainer(owner)) };
        }),
      );
      const leases = new Map((await store.queue.take(50, 60_000)).map((held) => [held.key, held] as const));
      const outcomes = await Promise.all(
        contenders.map(async ({ owner, id }, at) => {
          const gpuUuids = [`GPU-${at % 3}`, `GPU-${(at + 1) % 3}`];
          const devices = devicesOf(`instance-${at}`, { gpuUuids, port: 40_000 + at });
          const held = leases.get(`container/${id}`);
          if (held === undefined) throw new Error(`${id} was not due`);
          return owner.containerWork.place(held, { containerId: id, state: stateOf(), devices });
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'PLACED')).toHaveLength(1);
    });

    test('leases show on their host, move within their container and end with freeing, which wakes what waits', async () => {
      const host = await lease(store, 'host/gpu-1');
      await store.hostWork.saveHost(host, hostOf({ foreignGpus: ['GPU-9'] }));
      const { id, held } = await activeContainer(store);
      const state = stateOf();
      const place = (instanceId: string, uuid: string) =>
        store.containerWork.place(held, {
          containerId: id,
          state,
          devices: devicesOf(instanceId, { gpuUuids: [uuid] }),
        });
      expect(await place('one', 'GPU-9')).toBe('TAKEN');
      expect(await place('one', 'GPU-0')).toBe('PLACED');
      const [snapshot] = await other.hostWork.hosts();
      expect(snapshot).toMatchObject({ instances: 1, leasedMemory: 1024, leasedCores: 1 });
      expect(snapshot?.takenGpus).toEqual(new Set(['GPU-9', 'GPU-0']));
      expect(snapshot?.takenPorts).toEqual(new Set([40_000]));
      expect(await other.hostWork.containersOn('gpu-1')).toEqual([id]);

      await store.containerWork.moveDevices(held, { containerId: id, state, from: 'one', to: 'two' });
      await store.containerWork.freeDevices(held, { containerId: id, state, instanceId: 'one' });
      expect((await other.hostWork.hosts())[0]?.instances).toBe(1);

      const waiting = await activeContainer(other);
      await deploy(other, waiting.id);
      const queued = await other.containerWork.load(waiting.held, waiting.id);
      expect(queued?.capacityWanted).toBe(false);
      const blocked = { message: 'full', retryAt: 0, capacityVersion: 0 };
      const operationId = queued?.queued?.id ?? '';
      await other.containerWork.takeOperation(waiting.held, {
        containerId: waiting.id,
        state: { ...state, rollout: aRollout({ operationId, blocked }) },
        operationId,
        progress: { step: 'PLACE', percent: 0, bytesDone: 0, bytesTotal: 0, rolloutOrder: null, message: 'full' },
      });
      await other.queue.release(waiting.held, { delayMs: 0, clean: true });
      const again = await lease(other, waiting.held.key);
      await other.queue.release(again, { delayMs: null, clean: true });
      expect(await store.queue.take(50, 60_000)).toEqual([]);

      const seen = await store.containerWork.load(held, id);
      expect(seen?.capacityWanted).toBe(true);
      const before = seen?.capacityVersion ?? 0;
      await store.containerWork.freeDevices(held, { containerId: id, state, instanceId: 'two' });
      expect((await other.containerWork.load(held, id))?.capacityVersion).toBeGreaterThan(before);
      expect((await other.hostWork.hosts())[0]?.instances).toBe(0);
      expect((await store.queue.take(50, 60_000)).map(({ key }) => key)).toContain(waiting.held.key);
    });

    test('a host that is forgotten keeps its leases, which count again when it comes back', async () => {
      const host = await lease(store, 'host/gpu-1');
      await store.hostWork.saveHost(host, hostOf());
      const { id, held } = await activeContainer(store);
      await store.containerWork.place(held, { containerId: id, state: stateOf(), devices: devicesOf('one') });
      await expect(store.hostWork.removeHost(held)).rejects.toThrow(TypeError);
      await store.hostWork.removeHost(host);
      expect(await other.hostWork.hosts()).toEqual([]);
      expect(await other.hostWork.containersOn('gpu-1')).toEqual([id]);
      await store.hostWork.saveHost(host, hostOf());
      expect(await other.hostWork.hosts()).toMatchObject([{ host: { name: 'gpu-1' }, instances: 1 }]);
    });

    test('records of hosts are no older than is asked for', async () => {
      const host = await lease(other, 'host/gpu-1');
      expect(await store.records.hosts(0)).toEqual([]);
      await other.hostWork.saveHost(host, hostOf({ cores: 4 }));
      expect(await store.records.hosts(0)).toEqual([hostOf({ cores: 4 })]);
      await other.hostWork.saveHost(host, hostOf({ cores: 8 }));
      expect(await store.records.hosts(3_600_000)).toEqual([hostOf({ cores: 4 })]);
      expect(await store.records.hosts(0)).toEqual([hostOf({ cores: 8 })]);
      await other.hostWork.removeHost(host);
      expect(await store.records.hosts(0)).toEqual([]);
    });
  });

  describe('routes', () => {
    routesContract(() => {
      const leases = new Map<string, Lease>();
      const held = (id: string) => {
        const found = leases.get(id);
        if (found === undefined) throw new Error(`there is no container ${id}`);
        return found;
      };
      return {
        routes: other.routes,
        container: async () => {
          const container = await activeContainer(store);
          leases.set(container.id, container.held);
          return container.id;
        },
        publish: (route) => {
          const { containerId } = route;
          return store.containerWork.publishRoute(held(containerId), { containerId, state: stateOf(), route });
        },
        remove: async (containerId) => {
          const { operationId } = await submit(store, 'DELETE', containerId);
          const change = { containerId, state: stateOf(), operationId };
          await store.containerWork.takeOperation(held(containerId), change);
          await store.containerWork.removeContainer(held(containerId), containerId, operationId);
        },
      };
    });

    test('a switch numbers the route and the state alike, and ingresses hear of it', async () => {
      const heard: [string, number][] = [];
      const stop = other.routes.onRoute((containerId, version) => heard.push([containerId, version]));
      const { id, held } = await activeContainer(store);
      const { revisionId, operationId } = await deploy(store, id);
      const instance = { ...instanceOf(revisionId), drainVersion: NEXT_ROUTE_VERSION };
      const state = stateOf({ instances: [instance], message: `not ${NEXT_ROUTE_VERSION}` });
      await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
      const route = routeOf(id, { revisionId });
      await store.routes.report({ ingressId: 'a', appliedVersion: 0, busyInstances: [] }, 60_000, []);
      const { version, ingresses } = await switched(store, held, { containerId: id, state, revisionId, route });
      expect(ingresses).toBe(1);
      await store.routes.leave('a');
      expect((await store.records.container(id))?.state).toEqual({
        ...state,
        instances: [{ ...instance, drainVersion: version }],
      });
      expect(await other.routes.routes()).toEqual({ version, routes: [{ ...route, version }] });
      expect(await other.routes.route('none')).toBeNull();
      await until('the switch is heard', () => heard.some((one) => one[0] === id && one[1] === version));
      const next = await store.containerWork.publishRoute(held, { containerId: id, state, route });
      expect(next).toBeGreaterThan(version);
      stop();
    });

    test('live ingresses show until they leave or lapse, and wake what waits for them', async () => {
      const { id, held } = await activeContainer(store);
      const report = { ingressId: 'a', appliedVersion: 3, busyInstances: ['i'] };
      await store.routes.report(report, 60_000, []);
      await store.routes.report({ ...report, ingressId: 'brief' }, 1, []);
      const live = async () => (await store.containerWork.load(held, id))?.ingresses;
      await until('one lapses', async () => (await live())?.length === 1);
      expect(await live()).toEqual([report]);
      await store.queue.release(held, { delayMs: null, clean: true });
      await store.queue
        .take(5, 60_000)
        .then((leases) => Promise.all(leases.map((one) => store.queue.release(one, { delayMs: null, clean: true }))));
      await store.routes.report(report, 60_000, [id]);
      expect((await store.queue.take(5, 60_000)).map(({ key }) => key)).toEqual([`container/${id}`]);
      await store.routes.leave('a');
    });
  });

  describe('waiting for an operation', () => {
    const never = new AbortController().signal;

    test('ends with it, for all who wait', async () => {
      const { id, operationId } = await createContainer(store);
      const held = await lease(store, `container/${id}`);
      const waits = [store, other, other].map((one) => one.watch.wait(operationId, 60_000, never));
      await run(store, held, operationId);
      for (const operation of await Promise.all(waits)) expect(operation).toMatchObject({ state: 'DONE' });
    });

    test('gives the present state at the timeout, null for none, and stops with its caller', async () => {
      const { operationId } = await createContainer(store);
      expect(await store.watch.wait(operationId, 10, never)).toMatchObject({ state: 'QUEUED' });
      expect(await store.watch.wait('none', 60_000, never)).toBeNull();
      const caller = new AbortController();
      const wait = store.watch.wait(operationId, 60_000, caller.signal);
      caller.abort(new Error('gone'));
      await expect(wait).rejects.toThrow('gone');
    });
  });

  test('who holds no lease may look, and sees what a holder reads unless somebody is at it', async () => {
    const { id, held } = await activeContainer(store);
    await deployed(store, held);
    await deploy(store, id);
    const loaded = await store.containerWork.load(held, id);
    expect(await other.hostWork.look([id])).toEqual(new Map([[id, 'BUSY']]));
    await store.queue.release(held, { delayMs: 60_000, clean: true });
    const seen = (await other.hostWork.look([id])).get(id);
    expect(seen).toEqual({ ...loaded, now: expect.any(Number) });
    const next = await lease(store, held.key);
    await store.queue.release(next, { delayMs: null, clean: false });
    expect(await other.hostWork.look([id])).toEqual(new Map([[id, 'UNCLEAN']]));
  });

  describe('a container that is known by its mark', () => {
    async function resting() {
      const { id, held } = await activeContainer(store);
      const { revisionId } = await deployed(store, held);
      await store.queue.release(held, { delayMs: null, clean: true });
      const state = stateOf({ activeRevisionId: revisionId });
      const look = async (mark?: string) =>
        (await other.hostWork.look([id], new Map(mark === undefined ? [] : [[id, mark]]))).get(id);
      const marked = async () => {
        const looked = await look();
        if (typeof looked !== 'object' || looked.mark === undefined) throw new Error('it has no mark');
        return looked.mark;
      };
      const saved = async (next: ContainerState) => {
        const holder = await lease(store, `container/${id}`);
        await store.containerWork.save(holder, { containerId: id, state: next });
        await store.queue.release(holder, { delayMs: null, clean: true });
      };
      return { id, state, look, marked, saved };
    }

    test('is the same until its records are others, and when they are those again', async () => {
      const { state, look, marked, saved } = await resting();
      const mark = await marked();
      expect(await look(mark)).toBe('SAME');
      expect(await look('another')).toMatchObject({ mark });
      await saved({ ...state, message: 'something happened' });
      expect(await marked()).not.toBe(mark);
      expect(await look(mark)).toMatchObject({ record: { state: { message: 'something happened' } } });
      await saved(state);
      expect(await look(mark)).toBe('SAME');
    });

    test('is read whole while it has operations, and is not the same for whoever may not judge it', async () => {
      const { id, look, marked } = await resting();
      const mark = await marked();
      const { operationId } = await deploy(store, id);
      const busy = await look(mark);
      expect(busy).toMatchObject({ queued: { id: operationId } });
      expect(busy).not.toHaveProperty('mark');
      await store.records.cancel(operationId);
      expect(await look(mark)).toBe('SAME');
      const held = await lease(store, `container/${id}`);
      expect(await look(mark)).toBe('BUSY');
      await store.queue.release(held, { delayMs: null, clean: false });
      expect(await look(mark)).toBe('UNCLEAN');
    });

    test('is another one when it is being deleted, and is not the same when it is gone', async () => {
      const { id, state, look, marked } = await resting();
      const mark = await marked();
      const { operationId } = await submit(store, 'DELETE', id);
      expect(await look(mark)).toMatchObject({ record: { status: 'DELETING' }, deleteRequested: true });
      await store.records.cancel(operationId);
      expect(await look(mark)).toMatchObject({ record: { status: 'DELETING' }, deleteRequested: false });
      expect(await look(await marked())).toBe('SAME');
      const again = await submit(store, 'DELETE', id);
      const held = await lease(store, `container/${id}`);
      await store.containerWork.takeOperation(held, { containerId: id, state, operationId: again.operationId });
      await store.containerWork.removeContainer(held, id, again.operationId);
      expect(await look(mark)).toBe('DELETED');
    });
  });

  test('a deleted container leaves a tombstone and nothing else', async () => {
    const { id, held } = await activeContainer(store);
    await deployed(store, held);
    await store.containerWork.place(held, { containerId: id, state: stateOf(), devices: devicesOf(newId('instance')) });
    const { operationId } = await submit(store, 'DELETE', id);
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
    await store.containerWork.removeContainer(held, id, operationId);
    expect(await store.records.container(id)).toBeNull();
    expect(await store.hostWork.containersOn('gpu-1')).toEqual([]);
    expect((await store.routes.routes()).routes).toEqual([]);
    const revisions = { index: { by: 'CONTAINER', containerId: id } as const, after: null, limit: 5 };
    expect((await store.records.revisions(revisions)).items).toEqual([]);
    const done = { state: 'DONE', result: { kind: 'EMPTY' }, progress: { step: 'DONE', percent: 100 } };
    expect(await store.records.operation(operationId)).toMatchObject(done);
    const known = await store.hostWork.look([id, 'unknown']);
    expect(known).toEqual(
      new Map([
        [id, 'DELETED'],
        ['unknown', 'UNKNOWN'],
      ]),
    );
  });
}
