import { readFile } from 'node:fs/promises';
import { MEMORY_IMAGE, startMemoryService } from '../../support/memory-service.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { createContainer, openStore } from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

const FAILED_PRECONDITION = 9;

let redis: RedisServer;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(() => redis.stop());

/** Every key with its contents. */
async function data(): Promise<Readonly<Record<string, string>>> {
  const keys = (await redis.cli('--raw', 'keys', '*')).split('\n').sort();
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await redis.cli('dump', key)] as const)));
}

test('a service does not start on the data of a newer version, says so at once, and leaves the data as they are', async () => {
  const store = openStore(redis.url);
  await createContainer(store);
  await store.controlPlane.check();
  await store.controlPlane.close();
  await redis.cli('hset', '{longshore}:control-plane', 'format', '2');
  const before = await data();
  expect(Object.keys(before).length).toBeGreaterThan(3);
  const starting = startMemoryService(redis.url, { LONGSHORE_REDIS_WAIT: '1h' });
  await expect(starting).rejects.toMatchObject({ failure: { reason: 'RECORD_TOO_NEW' } });
  await expect(starting).rejects.toThrow('the data in Redis has format 2');
  expect(await data()).toEqual(before);
});

test('a container that a newer version has written is refused with a clear error and left alone; others go on', async () => {
  const store = openStore(redis.url);
  const [newer, other] = [await createContainer(store), await createContainer(store)];
  await store.controlPlane.close();
  const record = `{longshore}:container/${newer.id}`;
  await redis.cli('hset', record, 'v', '2');
  const before = await redis.cli('dump', record);
  const service = await startMemoryService(redis.url);
  try {
    const { client } = service;
    const calls = [client.container(newer.id), client.deploy(newer.id, MEMORY_IMAGE), client.delete(newer.id)];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        code: FAILED_PRECONDITION,
        details: expect.stringContaining('start a newer Longshore'),
      });
    await client.succeeded(await client.operation(other.operationId));
    expect(await client.container(other.id)).toMatchObject({ id: other.id });
    await until(
      'the worker has tried the newer one',
      async () => {
        const lines = (await readFile(service.logFile, 'utf8')).split('\n');
        return lines.some((line) => line.includes(newer.id) && line.includes('start a newer Longshore'));
      },
      5_000,
    );
    expect(await redis.cli('dump', record)).toBe(before);
    expect(await client.operation(newer.operationId)).toMatchObject({ done: false });
  } finally {
    await service.stop(5_000);
  }
});
