import { createIngress } from '../../../src/ingress/server.js';
import type { Store } from '../../../src/store/redis-store.js';
import { ask, DOMAIN } from '../../support/ingress.js';
import { startInstance, type TestInstance } from '../../support/instance.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, openStore, routeOf, stateOf } from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
});

afterAll(async () => {
  await store.controlPlane.close();
  await redis.stop();
});

test('routes that a worker publishes through Redis are served, over a crash of Redis too', async () => {
  const first = await startInstance('r1');
  const second = await startInstance('r2');
  const { id, held } = await activeContainer(store);
  const publish = ({ target }: TestInstance) =>
    store.containerWork.publishRoute(held, {
      containerId: id,
      state: stateOf(),
      route: routeOf(id, { revisionId: 'bbr1', targets: [target], executionTimeoutMs: 60_000 }),
    });
  const live = async () => (await store.containerWork.load(held, id))?.ingresses ?? [];
  const ingress = createIngress({
    routes: store.routes,
    addr: { host: '127.0.0.1', port: 0 },
    domain: DOMAIN,
    log: { info: () => undefined, warn: () => undefined },
    options: { beatMs: 200, storeTimeoutMs: 1_000 },
  });
  await ingress.start();
  const { port } = ingress.address();
  const options = { headers: { host: `${id}.${DOMAIN}` } };

  const version = await publish(first);
  await until('it is applied', async () => (await live())[0]?.appliedVersion === version);
  expect((await ask(port, '/', options)).body).toBe('r1');

  const stream = ask(port, '/stream?seconds=1', options);
  await until('it is in flight', () => ingress.status().inFlight === 1);
  const next = await publish(second);
  await until('the former instance is reported busy', async () => {
    const [report] = await live();
    return report?.appliedVersion === next && report.busyInstances[0] === 'r1';
  });
  expect((await ask(port, '/', options)).body).toBe('r2');
  expect((await stream).headers['x-revision']).toBe('r1');
  await until('it is reported idle', async () => (await live())[0]?.busyInstances.length === 0);

  await redis.kill();
  expect((await ask(port, '/', options)).body).toBe('r2');
  await redis.start();
  const last = await until('the worker can write again', () => publish(first));
  await until('it is applied', async () => (await live())[0]?.appliedVersion === last);
  expect((await ask(port, '/', options)).body).toBe('r1');

  await ingress.stop(1_000);
  expect(await live()).toEqual([]);
  await Promise.all([first.kill(), second.kill()]);
});
