import type { Store } from '../../../../src/store/redis-store.js';
import { aRollout } from '../../reconciler/builders.js';
import { activeContainer, createContainer, deploy, devicesOf, hostOf, lease, stateOf } from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What leases of devices promise. */
export function devicesContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

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
}
