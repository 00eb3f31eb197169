import { createKeys } from '../src/store/keys.js';
import { createRedisClient } from '../src/store/redis-client.js';
import { createRedisConnection } from '../src/store/redis-connection.js';

/*
 * Deletes every key of one keyspace in the Redis at REDIS_URL, and no other: what the demo leaves there. scripts/demo.sh calls it
 * with that keyspace, when the demo's service has ended. The URL is not an argument, since it may hold a password.
 */

async function forget(url: string, keyspace: string): Promise<void> {
  const connection = createRedisConnection(createRedisClient(url));
  const pattern = `${createKeys(keyspace).root}*`;
  try {
    let cursor = '0';
    do {
      const [next, keys] = await connection.call((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', 1000));
      if (keys.length > 0) await connection.call((client) => client.unlink(...keys));
      cursor = next;
    } while (cursor !== '0');
  } finally {
    await connection.close();
  }
}

const [keyspace] = process.argv.slice(2);
const { REDIS_URL } = process.env;
if (!keyspace || !REDIS_URL) throw new Error('usage: REDIS_URL=URL forget-keyspace.ts KEYSPACE');
forget(REDIS_URL, keyspace).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
