import { storeContract } from '../../support/contract/store-contract.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { openStore } from '../../support/store-fixture.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
});
beforeEach(async () => {
  await redis.cli('flushall');
});

storeContract(() => openStore(redis.url));
