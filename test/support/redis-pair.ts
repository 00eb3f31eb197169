import { freePort } from './ports.js';
import { type RedisServer, startRedis } from './redis.js';
import { type Sentinel, startSentinel } from './sentinel.js';
import { until } from './until.js';

/** A primary and its replica, over which a Sentinel watches that does not wait for others. */
export interface RedisPair {
  /** For REDIS_URL. */
  readonly url: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** Resolves when the replica has all that was written. */
  caughtUp(): Promise<void>;
  /** From here on nothing reaches the replica: the primary goes on alone, and a failover loses what it writes. */
  cutOff(): Promise<void>;
  /** Kills the primary. Resolves when the replica has taken its place. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'main';

export async function startRedisPair(): Promise<RedisPair> {
  const [primary, primaryPort] = await startServer();
  const [replica, replicaPort] = await startServer('--replicaof', '127.0.0.1', String(primaryPort));
  const sentinel = await startSentinel(NAME, primaryPort);
  await until('Sentinel knows the replica', async () =>
    (await sentinel.cli('sentinel', 'replicas', NAME)).includes('slave'),
  );
  const caughtUp = async () =>
    void (await until('the replica has caught up', async () => (await primary.cli('wait', '1', '1000')) === '1'));
  await caughtUp();
  return {
    ...{ url: `redis+sentinel://127.0.0.1:${sentinel.port}/${NAME}`, primary, replica, caughtUp },
    cutOff: async () => {
      replica.pause();
      await primary.cli('client', 'kill', 'type', 'replica');
    },
    failOver: async () => {
      await primary.kill();
      replica.resume();
      await until('the replica is the primary', async () => (await sentinel.primary()) === replicaPort);
    },
    stop: () => stopAll(sentinel, [primary, replica]),
  };
}

async function startServer(...more: string[]): Promise<readonly [RedisServer, port: number]> {
  const port = await freePort();
  const replication = ['--repl-diskless-sync-delay', '0', '--repl-timeout', '3'];
  return [await startRedis('--port', String(port), '--bind', '127.0.0.1', ...replication, ...more), port];
}

async function stopAll(sentinel: Sentinel, servers: readonly RedisServer[]): Promise<void> {
  await sentinel.stop();
  for (const server of servers) {
    server.resume();
    await server.stop();
  }
}
