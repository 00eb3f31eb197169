import { DomainError } from '../../../src/domain/errors.js';
import type { Store } from '../../../src/store/redis-store.js';
import { freePort } from '../../support/ports.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import {
  activeContainer,
  commitOf,
  createContainer,
  devicesOf,
  lease,
  newContainer,
  newId,
  newOperation,
  openStore,
  stateOf,
} from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let primary: RedisServer;
let replica: RedisServer;
let store: Store;
beforeAll(async () => {
  const port = await freePort();
  primary = await startRedis('--port', String(port), '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0');
  replica = await startRedis('--replicaof', '127.0.0.1', String(port));
  await until('the replica has caught up', async () => (await primary.cli('wait', '1', '1000')) === '1');
  store = openStore(primary.url);
  await until('the store knows its replica', async () => {
    await create();
    const info = await primary.cli('info', 'commandstats');
    return info.includes('cmdstat_wait');
  });
});
afterAll(async () => {
  await store?.controlPlane.close();
  replica?.resume();
  await Promise.all([replica?.stop(), primary?.stop()]);
});

const create = () => {
  const container = newContainer();
  return store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id)), container });
};

/** What a worker writes: each is made ready while the replica answers, and then done. */
const writes = {
  take: async () => {
    await createContainer(store);
    return () => store.queue.take(100, 60_000);
  },
  place: async () => {
    const { id, held } = await activeContainer(store);
    const change = { containerId: id, state: stateOf(), devices: devicesOf(newId('instance')) };
    return () => store.containerWork.place(held, change);
  },
  'complete-operation': async () => {
    const { id: containerId, operationId } = await createContainer(store);
    const held = await lease(store, `container/${containerId}`);
    const change = { containerId, state: stateOf(), operationId };
    await store.containerWork.takeOperation(held, change);
    const end = { ...change, result: { kind: 'EMPTY' }, revisionToRemove: null } as const;
    return () => store.containerWork.completeOperation(held, end);
  },
};

test.each(['take', 'place', 'complete-operation'] as const)(
  '%s is not done before the replica has it',
  async (name) => {
    const write = await writes[name]();
    replica.pause();
    try {
      await expect(write()).rejects.toMatchObject({ failure: { code: 'UNAVAILABLE' } });
    } finally {
      replica.resume();
    }
    await until('the replica has caught up', async () => (await primary.cli('wait', '1', '1000')) === '1');
  },
);

test('with a replica, what is acknowledged is on it; one that hangs makes outcomes unknown, one that is gone is not waited for', async () => {
  const outcome = await create();
  const key = outcome.kind === 'COMMITTED' ? `{longshore}:container/${outcome.operation.containerId}` : '';
  expect(await replica.cli('exists', key)).toBe('1');

  replica.pause();
  await expect(create()).rejects.toMatchObject({ failure: { reason: 'OUTCOME_UNKNOWN' } });
  await expect(create()).rejects.toThrow(DomainError);
  replica.resume();
  await replica.kill();
  await until('it is not waited for', async () => (await create()).kind === 'COMMITTED');
});
