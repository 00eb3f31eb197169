import type { Store } from '../../../src/store/redis-store.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, deployed, openStore, submit } from '../../support/store-fixture.js';

let redis: RedisServer;
let store: Store;
beforeAll(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
});
afterAll(async () => {
  await store?.controlPlane.close();
  await redis?.stop();
});

test('a container is created, deployed, rolled back and deleted', async () => {
  const { id, held } = await activeContainer(store);
  expect(await store.records.container(id)).toMatchObject({ status: 'ACTIVE', version: 1, labels: { team: 'a' } });

  const first = await deployed(store, held);
  const second = await deployed(store, held);
  expect(second.version).toBeGreaterThan(first.version);
  expect(await store.records.revision(first.revisionId)).toMatchObject({ status: 'OBSOLETE' });
  expect(await store.records.revision(second.revisionId)).toMatchObject({ status: 'ACTIVE' });
  expect((await store.routes.route(id))?.revisionId).toBe(second.revisionId);

  const back = await submit(store, 'ROLLBACK', id, first.revisionId);
  expect(back.outcome.kind).toBe('COMMITTED');
  const loaded = await store.containerWork.load(held, id);
  expect(loaded?.queued?.id).toBe(back.operationId);
  expect([...(loaded?.revisions.keys() ?? [])].sort()).toEqual([first.revisionId, second.revisionId].sort());

  const end = await submit(store, 'DELETE', id);
  const deletion = await store.containerWork.load(held, id);
  expect(deletion).toMatchObject({ queued: { id: end.operationId }, running: null, deleteRequested: true });
  await store.containerWork.takeOperation(held, {
    containerId: id,
    state: deletion?.record.state!,
    operationId: end.operationId,
  });
  await store.containerWork.removeContainer(held, id, end.operationId);
  expect(await store.containerWork.load(held, id)).toBeNull();
  expect(await store.records.operation(end.operationId)).toMatchObject({ state: 'DONE', result: { kind: 'EMPTY' } });
  expect(await store.records.operation(back.operationId)).toMatchObject({ result: { failure: { code: 'CANCELLED' } } });
  expect(await store.hostWork.look([id, 'x'])).toEqual(
    new Map([
      [id, 'DELETED'],
      ['x', 'UNKNOWN'],
    ]),
  );
  await store.queue.release(held, { delayMs: null, clean: true });

  // The requests came while the key was leased, so somebody looks once more and finds nothing.
  const [again] = await store.queue.take(1, 1000);
  expect(again).toMatchObject({ key: held.key, unclean: false });
  await store.queue.release(again ?? held, { delayMs: null, clean: true });
  expect(await store.queue.nextDue()).toBeNull();
});
