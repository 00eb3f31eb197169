import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { DomainError } from '../../../src/domain/errors.js';
import { createKeys } from '../../../src/store/keys.js';
import { closeClient, createRedisClient } from '../../../src/store/redis-client.js';
import type { Store } from '../../../src/store/redis-store.js';
import { type Lease, LeaseLostError } from '../../../src/store/work.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import {
  accepted,
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  devicesOf,
  hostOf,
  lease,
  newContainer,
  newId,
  newOperation,
  openStore,
  run,
  stateOf,
  submit,
} from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let store: Store;
beforeEach(async () => {
  redis = await startRedis();
  store = openStore(redis.url);
  await answers();
});
afterEach(async () => {
  await store.controlPlane.close();
  redis.resume();
  await redis.stop();
});

const creation = () => {
  const container = newContainer();
  return { ...commitOf(newOperation('CREATE', container.id)), container };
};

/** What a person reads of a call that must fail with UNAVAILABLE. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  expect(error.failure.code).toBe('UNAVAILABLE');
  return error.message;
}

const answers = () => until('the store answers', () => store.controlPlane.ping().then(() => true));
const config = (...words: string[]) => redis.cli('config', 'set', ...words);

test.each([
  ['is full', ['maxmemory', '1mb'], ['maxmemory', '0'], 'Redis is full: give it more memory'],
  ['misses its replicas', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0'], 'too few of its replicas'],
])('a Redis that %s refuses changes and says why, changes nothing, and still reads', async (_, fault, end, why) => {
  const { id, held } = await activeContainer(store);
  const keys = await redis.cli('dbsize');
  await config(...fault);
  const request = creation();
  expect(await refusalOf(store.records.createContainer(request))).toContain(why);
  expect(await refusalOf(store.containerWork.save(held, { containerId: id, state: stateOf() }))).toContain(why);
  expect(await refusalOf(store.queue.take(10, 60_000).then(() => lease(store, 'host/a')))).toContain(why);
  expect(await store.records.container(id)).toMatchObject({ status: 'ACTIVE' });
  expect(await redis.cli('dbsize')).toBe(keys);

  await config(...end);
  expect(accepted(await store.records.createContainer(request)).id).toBe(request.operation.id);
  await store.containerWork.save(held, { containerId: id, state: stateOf({ generation: 7 }) });
  expect((await store.containerWork.load(held, id))?.record.state.generation).toBe(7);
});

test('a primary that was demoted is asked nothing any more, and is used again when it is one; nothing is lost', async () => {
  const { id, held } = await activeContainer(store);
  await redis.cli('replicaof', '127.0.0.1', '1');
  await refusalOf(store.records.createContainer(creation()));
  // What a replica knows may be old: from the first refusal on it is not asked any more, however long it is until somebody would look at it.
  await refusalOf(store.records.container(id));
  await until('it says so', async () =>
    (await refusalOf(store.records.container(id))).includes('this Redis is a replica and takes no writes'),
  );
  expect(await refusalOf(store.controlPlane.check())).toContain('name its primary');
  await redis.cli('replicaof', 'no', 'one');
  await answers();
  expect(await store.records.container(id)).toMatchObject({ status: 'ACTIVE' });
  await store.containerWork.save(held, { containerId: id, state: stateOf() });
});

test('where Redis refuses changes, each of those sent together hears what is so of it', async () => {
  const { id } = await activeContainer(store);
  await config('maxmemory', '1mb');
  const [unknown, full] = await Promise.allSettled([submit(store, 'DELETE', newId('container')), deploy(store, id)]);
  await config('maxmemory', '0');
  expect(unknown).toMatchObject({ status: 'fulfilled', value: { outcome: { kind: 'CONTAINER_NOT_FOUND' } } });
  expect(full).toMatchObject({ status: 'rejected', reason: { failure: { reason: 'STORE_UNAVAILABLE' } } });
});

test('a slow Redis is waited for, and every call ends', async () => {
  const { id } = await activeContainer(store);
  // It runs for 5 ms, then not for 100.
  let pausing: NodeJS.Timeout | undefined;
  const limping = setInterval(() => {
    redis.resume();
    pausing = setTimeout(() => redis.pause(), 5);
  }, 105);
  try {
    const requests = Array.from({ length: 10 }, creation);
    const outcomes = await Promise.all(
      requests.map((request) => store.records.createContainer(request).catch((error: unknown) => error)),
    );
    // A machine with too much to do makes it slower still: then it is said that the outcome is not known.
    for (const outcome of outcomes)
      if (outcome instanceof Error) expect(outcome).toMatchObject({ failure: { code: 'UNAVAILABLE' } });
      else expect(outcome).toMatchObject({ kind: 'COMMITTED' });
    expect(await until('a read is answered', () => store.records.container(id))).toMatchObject({ status: 'ACTIVE' });
    clearInterval(limping);
    clearTimeout(pausing);
    redis.resume();
    await answers();
    for (const request of requests)
      expect(accepted(await store.records.createContainer(request)).id).toBe(request.operation.id);
  } finally {
    clearInterval(limping);
    clearTimeout(pausing);
  }
});

describe('fences', () => {
  const fenceOf = async () => {
    await answers();
    const held = await lease(store, 'host/gpu-1');
    await store.queue.release(held, { delayMs: null, clean: true });
    return held.fence;
  };

  test('leap when Redis was restarted, before any is given out, past all that it may have forgotten', async () => {
    const before = await fenceOf();
    await redis.cli('decrby', '{longshore}:fence', '500');
    await redis.kill();
    await redis.start();
    const after = await fenceOf();
    expect(after).toBeGreaterThan(before + 999_000);
    const { memory } = await store.hostWork.loadHost(await lease(store, 'host/gpu-1'));
    expect(memory.gaps).toHaveLength(2);
    const [, [above, upTo] = [0, 0]] = memory.gaps;
    expect([above < before, upTo >= before, upTo < after]).toEqual([true, true, true]);
  });

  test('of a Redis that was emptied are above all that were ever given out', async () => {
    const before = [await fenceOf()];
    for (let count = 0; count < 3; count += 1) {
      await redis.kill();
      await redis.start();
      before.push(await fenceOf());
    }
    await redis.cli('flushall');
    // Leaps carry fences ahead of the clock, which has to have caught up: each is less than two millions, which are half an hour.
    const clock = Number((await redis.cli('time')).split('\n')[0]) * 1000;
    const after = await fenceOf();
    expect(after).toBeGreaterThanOrEqual(clock);
    expect(after).toBeGreaterThan(before[0] ?? 0);
    const { memory } = await store.hostWork.loadHost(await lease(store, 'host/gpu-1'));
    expect(memory.gaps).toEqual([[0, expect.any(Number)]]);
  });
});

test('a holder whose last write Redis has lost writes nothing on top of it', async () => {
  const { id, held } = await activeContainer(store);
  const leaseKey = createKeys().key('lease', held.key);
  const before = await redis.cli('hget', leaseKey, 'step');
  await store.containerWork.save(held, { containerId: id, state: stateOf({ generation: 3 }) });
  // As a replica has it that took over without the last write.
  await redis.cli('hset', leaseKey, 'step', before);
  const next = { containerId: id, state: stateOf({ generation: 4 }) };
  await expect(store.containerWork.save(held, next)).rejects.toThrow(LeaseLostError);
  expect((await store.containerWork.load(held, id))?.record.state.generation).toBe(3);
});

/** A look at the host, whose record says at which Redis it was taken. */
async function look(host: Lease): Promise<void> {
  const { memory } = await store.hostWork.loadHost(host);
  await store.hostWork.saveHost(host, hostOf({ replicationId: memory.replicationId }));
}

test.each([
  ['restarted', () => redis.kill().then(() => redis.start())],
  [
    'a replica for a while',
    async () => {
      await redis.cli('replicaof', '127.0.0.1', '1');
      await refusalOf(store.records.createContainer(creation()));
      await redis.cli('replicaof', 'no', 'one');
    },
  ],
  [
    'a replica, and a primary again before anybody saw it',
    async () => {
      await redis.cli('replicaof', '127.0.0.1', '1');
      await redis.cli('replicaof', 'no', 'one');
    },
  ],
])('on a host that was not looked at since Redis was %s, nothing is placed, and the host is due', async (_, become) => {
  const { id, held } = await activeContainer(store);
  const host = await lease(store, 'host/gpu-1');
  await look(host);
  for (const one of [held, host]) await store.queue.release(one, { delayMs: null, clean: true });
  await become();
  await answers();
  const again = await lease(store, held.key);
  const change = { containerId: id, state: stateOf(), devices: devicesOf(newId('instance')) };
  expect(await redis.cli('zscore', '{longshore}:due', 'host/gpu-1')).toBe('');
  expect(await store.containerWork.place(again, change)).toBe('UNSEEN');
  expect(await redis.cli('exists', '{longshore}:devices', '{longshore}:gpus', '{longshore}:ports')).toBe('0');
  const [due] = await store.queue.take(10, 60_000);
  expect(due?.key).toBe('host/gpu-1');
  if (due) await look(due);
  expect(await store.containerWork.place(again, change)).toBe('PLACED');
});

describe('what cannot be read', () => {
  test('of one container hides no other, and makes that one due', async () => {
    const damaged = await activeContainer(store);
    const sound = await activeContainer(store);
    for (const { held } of [damaged, sound]) await store.queue.release(held, { delayMs: null, clean: true });
    await redis.cli('hset', `{longshore}:container/${damaged.id}`, 'state', '{"instances":');
    const looks = await store.hostWork.look([damaged.id, sound.id]);
    expect(looks.get(damaged.id)).toBe('UNCLEAN');
    expect(looks.get(sound.id)).toMatchObject({ record: { id: sound.id } });
    await expect(store.containerWork.load(await lease(store, damaged.held.key), damaged.id)).rejects.toThrow();
  });

  test('of an operation keeps no other from being forgotten', async () => {
    const brief = openStore(redis.url, { settings: { operationTtlMs: 1 } });
    try {
      const made = [await createContainer(brief), await createContainer(brief)];
      for (const { id, operationId } of made) await run(brief, await lease(brief, `container/${id}`), operationId);
      const [first, second] = (await redis.cli('lrange', '{longshore}:operations-by-end', '0', '-1')).split('\n');
      await redis.cli('set', `{longshore}:operation/${first ?? ''}`, 'nonsense');
      await until('the second is swept', async () => {
        await createContainer(brief);
        return (await brief.records.operation(second ?? '')) === null;
      });
    } finally {
      await brief.controlPlane.close();
    }
  });

  test('of a container fails no submit that goes with its own', async () => {
    const [first, damaged, last] = [
      await createContainer(store),
      await createContainer(store),
      await createContainer(store),
    ];
    await redis.cli('set', `{longshore}:container/${damaged.id}`, 'nonsense');
    const submits = [first, damaged, last].map(({ id }) => submit(store, 'DELETE', id));
    const [one, refused, other] = await Promise.allSettled(submits);
    expect(refused?.status).toBe('rejected');
    const accepted = { status: 'fulfilled', value: { outcome: { kind: 'COMMITTED' } } };
    expect([one, other]).toMatchObject([accepted, accepted]);
  });

  test('of a trouble keeps no key from being taken', async () => {
    await redis.cli('hset', '{longshore}:trouble', 'host/gpu-1', '{');
    await store.hostWork.saveHost(await lease(store, 'host/gpu-1'), hostOf());
    expect(await store.parking.parked()).toEqual([]);
  });
});

test('a connection that ends whenever it has subscribed takes nothing else along, and subscribes in the end', async () => {
  const path = join(redis.dir, 'cutting.sock');
  const sockets = new Set<Socket>();
  let cuts = 0;
  const proxy = createServer((client) => {
    const server = connect(redis.socketPath);
    sockets.add(client);
    client.on('data', (sent) => {
      server.write(sent);
      if (!/subscribe/i.test(sent.toString()) || cuts > 3) return;
      cuts += 1;
      // The first time it has been subscribed, and after that never.
      setTimeout(() => client.destroy(), cuts === 1 ? 50 : 0);
      if (cuts > 1) server.destroy();
    });
    server.on('data', (answer) => void client.write(answer));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(path, resolve));
  const cut = openStore(`unix://${path}`);
  try {
    const { operationId } = await createContainer(cut);
    await until('it has subscribed for good', async () => {
      const [, count] = (await redis.cli('pubsub', 'numsub', '{longshore}:operations-ended')).split('\n');
      return cuts > 3 && Number(count) >= 2;
    });
    const wait = cut.watch.wait(operationId, 60_000, new AbortController().signal);
    const held = (await cut.queue.take(1, 60_000))[0];
    if (held === undefined) throw new Error('nothing was due');
    await run(cut, held, operationId);
    expect(await wait).toMatchObject({ state: 'DONE' });
  } finally {
    await cut.controlPlane.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  }
});

test('an operation of whose end no message came is found by the next sweep, and so is one that is gone', async () => {
  const [ended, gone, running] = await Promise.all([1, 2, 3].map(() => createContainer(store)));
  const finished = await createContainer(store);
  await run(store, await lease(store, `container/${finished.id}`), finished.operationId);
  const never = new AbortController().signal;
  const wait = (created: typeof ended, ms: number) => store.watch.wait(created?.operationId ?? '', ms, never);
  const waits = [wait(ended, 60_000), wait(gone, 60_000), wait(running, 8_000)];
  // When it returns they have been read as well, and found to be queued.
  await wait(running, 500);
  const textOf = (operationId = '') => `{longshore}:operation/${operationId}`;
  await redis.cli('copy', textOf(finished.operationId), textOf(ended?.operationId), 'replace');
  await redis.cli('del', textOf(gone?.operationId));
  expect(await Promise.all(waits)).toMatchObject([{ state: 'DONE' }, null, { state: 'QUEUED' }]);
});

test('a client that has given up begins again, until it is closed', async () => {
  const client = createRedisClient(redis.url);
  await until('it is connected', () => client.status === 'ready');
  client.disconnect();
  await until('it has given up', () => client.status === 'end');
  await until('it is connected again', () => client.status === 'ready');
  await closeClient(client);
  await until('it has ended', () => client.status === 'end');
  expect(client.listenerCount('end')).toBe(0);
});
