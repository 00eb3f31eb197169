import type { HostRecord } from '../domain/host.js';
import { decodeDevices, decodeHost } from './codec.js';
import { createKeys } from './keys.js';
import { createRedisClient } from './redis-client.js';
import { createRedisConnection } from './redis-connection.js';
import { judgeRedis, type RedisJudgement } from './redis-control-plane.js';
import { guarded } from './redis-faults.js';
import { readParked } from './redis-parking.js';
import type { Parking } from './work.js';

export interface RedisLook extends RedisJudgement {
  /** Null: no service has used this Redis yet. */
  readonly controlPlaneId: string | null;
  readonly parked: Awaited<ReturnType<Parking['parked']>>;
  /** As workers last saw them. */
  readonly hosts: readonly HostRecord[];
  /** How many instances hold GPUs, a port or room on a host, by its name. */
  readonly holders: ReadonlyMap<string, number>;
}

/** What a Redis is like, without changing anything in it. Rejects with a DomainError where it does not answer or is not fit. */
export async function lookAtRedis(url: string, keyspace?: string): Promise<RedisLook> {
  const connection = createRedisConnection(createRedisClient(url));
  try {
    const judgement = await judgeRedis(connection);
    const keys = createKeys(keyspace);
    const plane = keys.key('control-plane');
    const controlPlaneId = await guarded(connection.call((client) => client.hget(plane, 'id')));
    const hosts = await guarded(connection.call((client) => client.hvals(keys.key('hosts'))));
    const leases = await guarded(connection.call((client) => client.hvals(keys.key('devices'))));
    const parked = await readParked(connection, keys);
    return { ...judgement, controlPlaneId, parked, hosts: hosts.map(decodeHost), holders: countByHost(leases) };
  } finally {
    await connection.close();
  }
}

function countByHost(leases: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { host } of leases.map(decodeDevices)) counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}
