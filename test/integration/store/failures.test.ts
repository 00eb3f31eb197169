import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { DomainError } from '../../../src/domain/errors.js';
import { lookAtRedis } from '../../../src/store/redis-look.js';
import type { Store } from '../../../src/store/redis-store.js';
import type { ScriptRunner } from '../../../src/store/script-runner.js';
import { freePort } from '../../support/ports.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import {
  accepted,
  activeContainer,
  commitOf,
  createContainer,
  newContainer,
  newId,
  newOperation,
  openStore,
  run,
  stateOf,
} from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let store: Store;
beforeEach(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
});
afterEach(async () => {
  await store.controlPlane.close();
  redis.resume();
  await redis.stop();
});

/** The failure of a call that must fail, and how long it took. */
async function failureOf(call: Promise<unknown>) {
  const begun = performance.now();
  const error = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  return { ...error.failure, quick: performance.now() - begun < 1_500 };
}

const creation = () => {
  const container = newContainer();
  return { ...commitOf(newOperation('CREATE', container.id)), container };
};

const UNAVAILABLE = { code: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE', quick: true };

test('while Redis is gone every call says so quickly, and all resumes by itself with nothing lost', async () => {
  const { id, held } = await activeContainer(store);
  await redis.kill();
  const calls = [
    store.records.container(id),
    store.records.createContainer(creation()),
    store.records.containers({ index: { by: 'FOLDER', folderId: 'default' }, after: null, limit: 5 }),
    store.queue.take(1, 1000),
    store.containerWork.load(held, id),
    store.hostWork.hosts(),
    store.hostWork.look([id]),
    store.routes.routes(),
    store.controlPlane.ping(),
    store.watch.wait(newId('operation'), 10, new AbortController().signal),
  ];
  for (const failure of await Promise.all(calls.map(failureOf))) expect(failure).toMatchObject(UNAVAILABLE);

  await redis.start();
  await until('the store answers', () => store.controlPlane.ping().then(() => true));
  expect(await store.records.container(id)).toMatchObject({ status: 'ACTIVE' });
  expect(await store.queue.renew([held], 60_000)).toEqual([]);
});

test('a commit that Redis may have run says so and names its operation; sent again it is found', async () => {
  await store.controlPlane.ping();
  redis.pause();
  const request = creation();
  expect(await failureOf(store.records.createContainer(request))).toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'OUTCOME_UNKNOWN',
    metadata: { operation_id: request.operation.id },
    quick: true,
  });
  redis.resume();
  await until('the store answers', () => store.controlPlane.ping().then(() => true));
  expect(accepted(await store.records.createContainer(request)).id).toBe(request.operation.id);
  const page = { index: { by: 'FOLDER', folderId: 'default' } as const, after: null, limit: 5 };
  expect((await store.records.containers(page)).items).toHaveLength(1);
});

test('a reply that is lost with its connection is fetched by asking again', async () => {
  const direct = new Redis(redis.socketPath);
  try {
    const calls = Array.from({ length: 40 }, async () => {
      const request = creation();
      return accepted(await store.records.createContainer(request)).id === request.operation.id;
    });
    await direct.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect(await Promise.all(calls)).toEqual(calls.map(() => true));
    expect(await direct.zcard('{longshore}:containers-by-folder/default')).toBe(40);
  } finally {
    direct.disconnect();
  }
});

test('what was acknowledged survives kill -9, scripts included', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 20; count += 1) ids.push((await createContainer(store)).id);
  await redis.kill();
  await redis.start();
  await until('the store answers', () => store.controlPlane.ping().then(() => true));
  const found = await Promise.all(ids.map((id) => store.records.container(id)));
  expect(found.every((record) => record?.status === 'CREATING')).toBe(true);
  expect(await store.queue.take(50, 1000)).toHaveLength(20);
});

test('who waits for an operation hears of its end although the message was lost', async () => {
  const { id, operationId } = await createContainer(store);
  const [held] = await store.queue.take(1, 60_000);
  const direct = new Redis(redis.socketPath);
  const wait = store.watch.wait(operationId, 60_000, new AbortController().signal);
  try {
    await direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    if (held === undefined) throw new Error('nothing was due');
    await run(store, held, operationId);
    expect(await wait).toMatchObject({ id: operationId, containerId: id, state: 'DONE' });
  } finally {
    direct.disconnect();
  }
});

describe('start-up', () => {
  test('makes an id once, and accepts a Redis that persists', async () => {
    expect(await store.controlPlane.check()).toEqual([]);
    const id = await store.controlPlane.id();
    expect(id).toMatch(/^bbp/);
    expect(await store.controlPlane.id()).toBe(id);
  });

  test.each(['allkeys-lru', 'volatile-ttl'])('refuses the policy %s, which evicts', async (policy) => {
    await redis.cli('config', 'set', 'maxmemory-policy', policy);
    expect(await failureOf(store.controlPlane.check())).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'REDIS_EVICTS',
    });
  });

  test('warns where nothing is persisted, and where Redis does not tell', async () => {
    await redis.cli('config', 'set', 'appendonly', 'no');
    expect(await store.controlPlane.check()).toEqual([expect.stringContaining('persists nothing')]);
    await redis.cli('acl', 'setuser', 'default', '-config');
    expect(await store.controlPlane.check()).toEqual([expect.stringContaining('does not tell')]);
  });

  test('refuses a replica', async () => {
    await redis.cli('replicaof', '127.0.0.1', '1');
    expect(await failureOf(store.controlPlane.check())).toMatchObject({ reason: 'REDIS_IS_REPLICA' });
  });

  test('refuses data of a newer version', async () => {
    await store.controlPlane.id();
    await redis.cli('hset', '{longshore}:control-plane', 'format', '2');
    expect(await failureOf(store.controlPlane.check())).toMatchObject({ reason: 'RECORD_TOO_NEW' });
  });
});

test('a wrapper sees every script before it runs and after it', async () => {
  const seen: string[] = [];
  const wrapScripts = (runner: ScriptRunner): ScriptRunner => ({
    run: async (name, args) => {
      seen.push(`before ${name}`);
      const reply = await runner.run(name, args);
      seen.push(`after ${name}`);
      return reply;
    },
  });
  const watched = openStore(redis.url, { wrapScripts });
  try {
    const { id, held } = await activeContainer(watched);
    await watched.containerWork.save(held, { containerId: id, state: stateOf() });
    expect(seen.filter((entry) => entry.endsWith('save'))).toEqual(['before save', 'after save']);
    expect(seen).toEqual(expect.arrayContaining(['before create-container', 'after take', 'after take-operation']));
  } finally {
    await watched.controlPlane.close();
  }
});

test('wrong credentials are told as such, without the password', async () => {
  const port = await freePort();
  await redis.cli('config', 'set', 'port', String(port));
  await redis.cli('config', 'set', 'requirepass', 'right');
  for (const [credentials, told] of [
    [':hunter2@', 'WRONGPASS'],
    ['', 'NOAUTH'],
  ] as const) {
    const error = await lookAtRedis(`redis://${credentials}127.0.0.1:${port}`).catch((reason: unknown) => reason);
    expect(String(error)).toContain(`Redis refuses our credentials: ${told}`);
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
  }
  expect((await lookAtRedis(`redis://:right@127.0.0.1:${port}`)).controlPlaneId).toBeNull();
});

test('a database that Redis does not have, or that the user may not choose, is refused instead of using another', async () => {
  const nowhere = openStore(`${redis.url}?db=99`);
  try {
    const failure = await failureOf(nowhere.controlPlane.check());
    expect(failure).toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining('database that REDIS_URL names'),
    });
    expect(await failureOf(nowhere.records.createContainer(creation()))).toMatchObject(UNAVAILABLE);
    await expect(lookAtRedis(`${redis.url}?db=99`)).rejects.toThrow('database that REDIS_URL names');
    await redis.cli('acl', 'setuser', 'ada', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-select');
    const forbidden = lookAtRedis(`${redis.url}?db=1&username=ada&password=any`);
    await expect(forbidden).rejects.toThrow(/refuses our credentials: NOPERM .*select/);
    expect(await redis.cli('info', 'keyspace')).not.toContain('db');
  } finally {
    await nowhere.controlPlane.close();
  }
});

test('a database that Redis has is the one that is used', async () => {
  const third = openStore(`${redis.url}?db=3`);
  try {
    await activeContainer(third);
    expect(await redis.cli('info', 'keyspace')).toMatch(/^# Keyspace\s+db3:/);
  } finally {
    await third.controlPlane.close();
  }
});
