import { Redis } from 'ioredis';
import type { Store } from '../../../src/store/redis-store.js';
import type { Lease } from '../../../src/store/work.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, openStore } from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

const HOUR_MS = 3_600_000;

let redis: RedisServer;
let store: Store;
let direct: Redis;

beforeEach(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
  direct = new Redis(redis.socketPath);
});
afterEach(async () => {
  await store.controlPlane.close();
  direct.disconnect();
  await redis.stop();
});

const CLOCK = '{longshore}:clock';
const take = async (): Promise<Lease | undefined> => (await store.queue.take(5, 1_500))[0];

const lead = async () => Number(await direct.hget(CLOCK, 'lead'));

/** Leaves Redis as it is when its clock is set back by that much: all times that it knows are of the clock before. */
async function setBack(ms: number): Promise<void> {
  await direct.hincrby(CLOCK, 'at', ms);
  for (const set of ['{longshore}:due', '{longshore}:lapse']) {
    for (const member of await direct.zrange(set, '0', '-1')) await direct.zincrby(set, ms, member);
  }
}

test('what is due at a time, or lapses, does not wait for a clock that was set back to come there once more', async () => {
  await store.queue.enqueue('host/a', 0);
  expect(await take()).toMatchObject({ key: 'host/a' });
  await store.queue.enqueue('host/b', 1_000);
  await setBack(HOUR_MS);

  const taken = new Map<string, Lease>();
  await until('both are had', async () => {
    const lease = await take();
    if (lease) taken.set(lease.key, lease);
    return taken.size === 2;
  });
  expect([taken.get('host/a')?.unclean, taken.get('host/b')?.unclean]).toEqual([true, false]);
  expect(await lead()).toBeGreaterThan(HOUR_MS - 60_000);
});

test('time goes slower then, until the two clocks agree', async () => {
  await take();
  await setBack(300);
  await take();
  expect(await lead()).toBeGreaterThan(100);
  await until('they agree', async () => {
    await take();
    return (await lead()) === 0;
  });
});

test('an ingress that is gone does not live for as long as the clock takes to come there once more', async () => {
  const { id, held } = await activeContainer(store);
  const live = async () => (await store.containerWork.load(held, id))?.ingresses ?? [];
  await store.routes.report({ ingressId: 'a', appliedVersion: 3, busyInstances: [] }, 60_000, []);
  expect(await live()).toMatchObject([{ appliedVersion: 3 }]);
  await setBack(HOUR_MS);
  expect(await live()).toMatchObject([{ appliedVersion: 0 }]);
  await until('it is given up', async () => {
    await take();
    return (await live()).length === 0;
  });
});
