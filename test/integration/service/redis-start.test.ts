import { startMemoryService } from '../../support/memory-service.js';
import { freePort } from '../../support/ports.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const redises: RedisServer[] = [];
const redis = async (...args: string[]) => {
  const started = await startRedis(...args);
  redises.push(started);
  return started;
};
afterEach(async () => {
  for (const one of redises.splice(0)) {
    one.resume();
    await one.stop();
  }
});

test('a service that starts before its Redis waits for it', async () => {
  const server = await redis();
  await server.kill();
  let started = false;
  const starting = startMemoryService(server.url).finally(() => {
    started = true;
  });
  // Long enough that a call of the store has failed for good.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(started).toBe(false);
  await server.start();
  const service = await starting;
  expect(service.grpcPort).toBeGreaterThan(0);
  await service.stop(5_000);
});

test('a service that starts while its Redis loads its data waits for it', async () => {
  const slow = ['--appendonly', 'no', '--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'];
  const server = await redis(...slow);
  const pairs = Array.from({ length: 100 }, (_, n) => [`k${n}`, 'v'.repeat(100)]).flat();
  await server.cli('mset', ...pairs);
  await server.cli('save');
  await server.kill();
  const loaded = server.start();
  await until('it loads', async () => (await server.cli('ping')).startsWith('LOADING'));
  const service = await startMemoryService(server.url);
  await loaded;
  expect(await server.cli('dbsize')).not.toBe('0');
  await service.stop(5_000);
});

test('a Redis that does not come is waited for as long as is configured, and then it is said what was wrong', async () => {
  const url = `redis://127.0.0.1:${await freePort()}`;
  await expect(startMemoryService(url, { LONGSHORE_REDIS_WAIT: '500ms' })).rejects.toThrow(
    'Redis does not answer: not connected',
  );
});

test.each([
  ['evicts records', ['maxmemory-policy', 'allkeys-lru'], 'redis://', 'maxmemory-policy'],
  ['wants other credentials', ['requirepass', 'another'], 'redis://:wrong@', 'Redis refuses our credentials'],
])('a Redis that %s is not waited for', async (_, setting, entry, why) => {
  const port = await freePort();
  const server = await redis('--port', String(port));
  await server.cli('config', 'set', ...setting);
  const starting = startMemoryService(`${entry}127.0.0.1:${port}`, { LONGSHORE_REDIS_WAIT: '1h' });
  await expect(starting).rejects.toThrow(why);
});
