import { Redis } from 'ioredis';
import type { Store } from '../../../src/store/redis-store.js';
import { LeaseLostError } from '../../../src/store/work.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, createContainer, openStore, stateOf, submit } from '../../support/store-fixture.js';

let redis: RedisServer;
let direct: Redis;
let store: Store;

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
});
afterEach(async () => store.controlPlane.close());

const scriptsRun = async () =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await direct.info('commandstats'))?.[1] ?? '0');

test('what many containers need in one turn is one script, and each has its own reply', async () => {
  const containers: Awaited<ReturnType<typeof activeContainer>>[] = [];
  for (const name of ['a', 'b', 'c']) containers.push(await activeContainer(store, { name }));
  const { containerWork } = store;
  const before = await scriptsRun();
  const loaded = await Promise.all(containers.map(({ id, held }) => containerWork.load(held, id)));
  expect((await scriptsRun()) - before).toBe(1);
  expect(loaded.map((one) => one?.record.name)).toEqual(['a', 'b', 'c']);
});

test('one whose lease is lost keeps none of the others from being saved', async () => {
  const [one, other] = [await activeContainer(store), await activeContainer(store)];
  const change = (containerId: string) => ({ containerId, state: stateOf({ routed: ['i'] }) });
  const stale = { ...one.held, fence: one.held.fence - 1 };
  const saved = await Promise.allSettled([
    store.containerWork.save(stale, change(one.id)),
    store.containerWork.save(other.held, change(other.id)),
  ]);
  expect(saved).toEqual([
    { status: 'rejected', reason: expect.any(LeaseLostError) },
    { status: 'fulfilled', value: undefined },
  ]);
  expect((await store.records.container(one.id))?.state.routed).toEqual([]);
  expect((await store.records.container(other.id))?.state.routed).toEqual(['i']);
});

test('one whose records are damaged keeps none of the others from being submitted, and says what was wrong', async () => {
  const [damaged, sound] = [(await createContainer(store)).id, (await createContainer(store)).id];
  const [key = ''] = await direct.keys(`*container/${damaged}`);
  await direct.del(key);
  await direct.set(key, 'no hash');
  const [failed, accepted] = await Promise.allSettled([
    submit(store, 'DELETE', damaged),
    submit(store, 'DELETE', sound),
  ]);
  expect(accepted).toMatchObject({ status: 'fulfilled', value: { outcome: { kind: 'COMMITTED' } } });
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') } });
});
