import { Redis } from 'ioredis';
import type { Store } from '../../../src/store/redis-store.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, devicesOf, hostOf, lease, openStore, stateOf } from '../../support/store-fixture.js';

let redis: RedisServer;
let direct: Redis;
let store: Store;
/** Another process: what it knows it knows from Redis. */
let other: Store;

beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.socketPath);
});
afterAll(async () => {
  direct?.disconnect();
  await redis?.stop();
});
beforeEach(async () => {
  await direct.flushall();
  store = openStore(redis.url);
  other = openStore(redis.url);
});
afterEach(async () => {
  await Promise.all([store.controlPlane.close(), other.controlPlane.close()]);
});

async function placing() {
  const host = await lease(store, 'host/gpu-1');
  await store.hostWork.saveHost(host, hostOf());
  const { id, held } = await activeContainer(store);
  const state = stateOf();
  return {
    host,
    place: (instanceId: string, port: number) => {
      const devices = devicesOf(instanceId, { gpuUuids: [], port });
      return store.containerWork.place(held, { containerId: id, state, devices });
    },
    free: (instanceId: string) => store.containerWork.freeDevices(held, { containerId: id, state, instanceId }),
  };
}

const instancesIn = async (which: Store) => (await which.hostWork.hosts()).map(({ instances }) => instances);

test('each process sees what the others take and give back', async () => {
  const { host, place, free } = await placing();
  expect(await instancesIn(other)).toEqual([0]);
  await place('one', 40_000);
  await place('two', 40_001);
  expect(await instancesIn(other)).toEqual([2]);
  await free('one');
  expect(await instancesIn(other)).toEqual([1]);
  await store.hostWork.saveHost(host, hostOf({ memory: 5 }));
  expect((await other.hostWork.hosts())[0]?.host.memory).toBe(5);
  await store.hostWork.removeHost(host);
  expect(await other.hostWork.hosts()).toEqual([]);
});

test('what a process is taking counts as taken before Redis has answered, and what it was refused does not for long', async () => {
  const { place } = await placing();
  const hosts = await store.hostWork.hosts();
  const taking = place('one', 40_000);
  expect(hosts[0]?.takenPorts).toEqual(new Set([40_000]));
  expect(await taking).toBe('PLACED');
  expect(await place('two', 40_000)).toBe('TAKEN');
  expect(await instancesIn(store)).toEqual([1]);
});

test('a process that was away for more changes than are kept reads everything', async () => {
  const { place, free } = await placing();
  await place('stays', 40_009);
  expect(await instancesIn(other)).toEqual([1]);
  for (let round = 0; round < 50; round += 1) {
    const ids = Array.from({ length: 100 }, (_, at) => `r${round}-${at}`);
    await Promise.all(ids.map((id, at) => place(id, 30_000 + at)));
    if (round < 49) await Promise.all(ids.map(free));
  }
  expect(await direct.zcard('{longshore}:placement-feed')).toBe(4096);
  expect(await instancesIn(other)).toEqual([101]);
  expect(await instancesIn(openedAnew())).toEqual([101]);
});

function openedAnew(): Store {
  const fresh = openStore(redis.url);
  void other.controlPlane.close();
  other = fresh;
  return fresh;
}

test('a Redis that has lost its data, or is another one, is believed', async () => {
  const { place } = await placing();
  await place('one', 40_000);
  expect(await instancesIn(other)).toEqual([1]);
  await direct.flushall();
  expect(await instancesIn(other)).toEqual([]);
});
