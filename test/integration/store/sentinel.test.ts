import type { Store } from '../../../src/store/redis-store.js';
import { LeaseLostError } from '../../../src/store/work.js';
import { freePort } from '../../support/ports.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { type Sentinel, startSentinel } from '../../support/sentinel.js';
import { activeContainer, createContainer, lease, openStore, routeOf, stateOf } from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

const NAME = 'main';
let servers: { readonly port: number; readonly redis: RedisServer }[] = [];
let sentinel: Sentinel;
let store: Store;

async function startServer(...more: string[]) {
  const port = await freePort();
  const replication = ['--repl-diskless-sync-delay', '0', '--repl-timeout', '3'];
  const redis = await startRedis('--port', String(port), '--bind', '127.0.0.1', ...replication, ...more);
  servers.push({ port, redis });
  return { port, redis };
}

beforeEach(async () => {
  servers = [];
  const primary = await startServer();
  await startServer('--replicaof', '127.0.0.1', String(primary.port));
  sentinel = await startSentinel(NAME, primary.port);
  await until('Sentinel knows the replica', async () =>
    (await sentinel.cli('sentinel', 'replicas', NAME)).includes('slave'),
  );
  await until('the replica has caught up', async () => (await primary.redis.cli('wait', '1', '1000')) === '1');
  store = openStore(`redis+sentinel://127.0.0.1:${sentinel.port}/${NAME}`);
  await answers();
});
afterEach(async () => {
  await store.controlPlane.close();
  await sentinel?.stop();
  for (const { redis } of servers) {
    redis.resume();
    await redis.stop();
  }
});

const [first, second] = [() => server(0), () => server(1)];
function server(at: number) {
  const found = servers[at];
  if (found === undefined) throw new Error(`there is no server ${at}`);
  return found;
}

const promoted = () => until('the replica is the primary', async () => (await sentinel.primary()) === second().port);
/** What there must be. */
const found = (id: string) => until(`${id} is read`, async () => (await store.records.container(id)) ?? false);
const answers = () => until('the store answers', () => store.controlPlane.ping().then(() => true));

test('the primary that Sentinel names is used, and after a failover the next one, with all that was acknowledged', async () => {
  const { id, held } = await activeContainer(store);
  // Killed before it has said anything, the primary takes with it only what was not acknowledged.
  const made = await Promise.all(Array.from({ length: 20 }, () => createContainer(store)));
  await first().redis.kill();
  await expect(createContainer(store)).rejects.toMatchObject({ failure: { code: 'UNAVAILABLE' } });
  await promoted();
  await answers();
  for (const one of made) expect(await found(one.id)).toMatchObject({ status: 'CREATING' });
  expect(await found(id)).toMatchObject({ status: 'ACTIVE' });
  // Leases are kept as well, and whoever holds one goes on.
  await store.containerWork.save(held, { containerId: id, state: stateOf() });
  expect((await lease(store, 'host/gpu-1')).fence).toBeGreaterThan(held.fence + 999_000);
  // The former one still takes itself for the primary when it is back.
  await first().redis.start();
  const late = await until('a container is created', () => createContainer(store));
  expect(await second().redis.cli('exists', `{longshore}:container/${late.id}`)).toBe('1');
});

test('of a failover that lost writes nothing is built upon, and no fence comes twice', async () => {
  const early = await activeContainer(store);
  await until('the replica has caught up', async () => (await first().redis.cli('wait', '1', '1000')) === '1');
  const route = routeOf(early.id);

  // From here on nothing reaches the replica: the primary goes on alone.
  second().redis.pause();
  await first().redis.cli('client', 'kill', 'type', 'replica');
  await until('it goes on', () =>
    store.containerWork.publishRoute(early.held, { containerId: early.id, state: stateOf(), route }),
  );
  const lost = await activeContainer(store);
  const version = await store.routes.version();
  await first().redis.kill();
  second().redis.resume();
  await promoted();
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
