import { Redis } from 'ioredis';
import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import type { Store } from '../../../src/store/redis-store.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { dump } from '../../support/script-contract.js';
import {
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  newOperation,
  openStore,
  routeOf,
  submit,
} from '../../support/store-fixture.js';

let redis: RedisServer;
let store: Store;
let plain: Redis;
beforeEach(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
  plain = new Redis(redis.socketPath);
});
afterEach(async () => {
  await store.controlPlane.close();
  await plain.quit();
  await redis.stop();
});

const key = (kind: string, id: string) => `{longshore}:${kind}/${id}`;

/** Each of the calls is refused, in words that say what to do, and nothing in Redis has changed then. */
async function expectRefusals(calls: readonly (() => Promise<unknown>)[]): Promise<void> {
  const before = await dump(plain);
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({
      failure: { reason: 'RECORD_TOO_NEW', message: expect.stringContaining('start a newer Longshore') },
    });
  expect(await dump(plain)).toEqual(before);
}

test('a container of a newer version is neither read nor changed', async () => {
  const { id } = await activeContainer(store);
  await plain.hset(key('container', id), 'v', 2);
  const change = { id, folderId: 'default', name: 'new', description: '', labels: {}, expectedVersion: 1 };
  const done = { result: { kind: 'EMPTY' } } as const;
  await expectRefusals([
    () => store.records.container(id),
    () => deploy(store, id),
    () => submit(store, 'DELETE', id),
    () => store.records.updateContainer({ ...commitOf(newOperation('UPDATE', id, done)), container: change }),
    () =>
      store.records.setAccessBindings({
        ...commitOf(newOperation('SET_ACCESS_BINDINGS', id, { result: { kind: 'EMPTY', bindings: [] } })),
        expectedVersion: 1,
        bindings: [],
      }),
  ]);
});

test('a revision of a newer version is not rolled back to', async () => {
  const { id, held } = await activeContainer(store);
  const { revisionId } = await deployed(store, held);
  await plain.hset(key('revision', revisionId), 'v', 2);
  await expectRefusals([() => submit(store, 'ROLLBACK', id, revisionId), () => store.records.revision(revisionId)]);
});

test('an operation of a newer version is neither cancelled nor ended by a Delete', async () => {
  const { id } = await createContainer(store);
  await deploy(store, id);
  const { operationId } = await deploy(store, id);
  const name = key('operation', operationId);
  await plain.set(name, (await plain.get(name))?.replace('[1,', '[2,') ?? '');
  await expectRefusals([() => store.records.cancel(operationId), () => submit(store, 'DELETE', id)]);
});

test('of the routes only that of a newer version is not read', async () => {
  const [one, other] = [await activeContainer(store), await activeContainer(store)];
  for (const { id, held } of [one, other]) {
    await store.containerWork.publishRoute(held, { containerId: id, state: EMPTY_STATE, route: routeOf(id) });
  }
  const text = await plain.hget('{longshore}:routes', other.id);
  await plain.hset('{longshore}:routes', other.id, text?.replace('"v":1', '"v":2') ?? '');
  expect(await store.routes.routes()).toMatchObject({
    routes: [{ containerId: one.id }],
    unreadable: [{ containerId: other.id, reason: expect.stringContaining('start a newer Longshore') }],
  });
});
