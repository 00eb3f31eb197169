import type { Store } from '../../../src/store/redis-store.js';
import { LeaseLostError } from '../../../src/store/work.js';
import { type RedisPair, startRedisPair } from '../../support/redis-pair.js';
import { activeContainer, createContainer, lease, openStore, routeOf, stateOf } from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let pair: RedisPair;
let store: Store;

beforeEach(async () => {
  pair = await startRedisPair();
  store = openStore(pair.url);
  await answers();
});
afterEach(async () => {
  await store?.controlPlane.close();
  await pair?.stop();
});

/** What there must be. */
const found = (id: string) => until(`${id} is read`, async () => (await store.records.container(id)) ?? false);
const answers = () => until('the store answers', () => store.controlPlane.ping().then(() => true));

test('the primary that Sentinel names is used, and after a failover the next one, with all that was acknowledged', async () => {
  const { id, held } = await activeContainer(store);
  // Killed before it has said anything, the primary takes with it only what was not acknowledged.
  const made = await Promise.all(Array.from({ length: 20 }, () => createContainer(store)));
  await pair.primary.kill();
  await expect(createContainer(store)).rejects.toMatchObject({ failure: { code: 'UNAVAILABLE' } });
  await pair.failOver();
  await answers();
  for (const one of made) expect(await found(one.id)).toMatchObject({ status: 'CREATING' });
  expect(await found(id)).toMatchObject({ status: 'ACTIVE' });
  // Leases are kept as well, and whoever holds one goes on.
  await store.containerWork.save(held, { containerId: id, state: stateOf() });
  expect((await lease(store, 'host/gpu-1')).fence).toBeGreaterThan(held.fence + 999_000);
  // The former one still takes itself for the primary when it is back.
  await pair.primary.start();
  const late = await until('a container is created', () => createContainer(store));
  expect(await pair.replica.cli('exists', `{longshore}:container/${late.id}`)).toBe('1');
});

test('of a failover that lost writes nothing is built upon, and no fence comes twice', async () => {
  const early = await activeContainer(store);
  await pair.caughtUp();
  const route = routeOf(early.id);

  await pair.cutOff();
  await until('it goes on', () =>
    store.containerWork.publishRoute(early.held, { containerId: early.id, state: stateOf(), route }),
  );
  const lost = await activeContainer(store);
  const version = await store.routes.version();
  await pair.failOver();
  await answers();

  expect(await store.records.container(lost.id)).toBeNull();
  for (const { id, held } of [early, lost])
    await expect(
      store.containerWork.save(held, { containerId: id, state: stateOf({ generation: 9 }) }),
    ).rejects.toThrow(LeaseLostError);
  expect((await store.containerWork.load(early.held, early.id))?.record.state.generation).toBe(0);
  const next = await lease(store, `container/${lost.id}`);
  expect(next.fence).toBeGreaterThan(lost.held.fence);
  expect(await store.routes.version()).toBeGreaterThan(version);
  const { memory } = await store.hostWork.loadHost(await lease(store, 'host/gpu-1'));
  const { fence } = lost.held;
  expect(memory.gaps.filter(([above, upTo]) => fence > above && fence <= upTo)).toHaveLength(1);
});
