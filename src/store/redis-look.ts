import { createKeys } from './keys.js';
import { createRedisClient } from './redis-client.js';
import { createRedisConnection } from './redis-connection.js';
import { judgeRedis, type RedisJudgement } from './redis-control-plane.js';
import { guarded } from './redis-faults.js';

export interface RedisLook extends RedisJudgement {
  /** Null: no service has used this Redis yet. */
  readonly controlPlaneId: string | null;
}

/** What a Redis is like, without changing anything in it. Rejects with a DomainError where it does not answer or is not fit. */
export async function lookAtRedis(url: string, keyspace?: string): Promise<RedisLook> {
  const connection = createRedisConnection(createRedisClient(url));
  try {
    const judgement = await judgeRedis(connection);
    const plane = createKeys(keyspace).key('control-plane');
    const controlPlaneId = await guarded(connection.call((client) => client.hget(plane, 'id')));
    return { ...judgement, controlPlaneId };
  } finally {
    await connection.close();
  }
}
