import { z } from 'zod';
import type { Keys } from './keys.js';
import { type RedisConnection } from './redis-connection.js';
import { written } from './redis-container-work.js';
import { guarded } from './redis-faults.js';
import type { FencedScripts } from './redis-leases.js';
import { keyOf } from './redis-work-queue.js';
import { decodeTrouble } from './trouble.js';
import type { Lease, Parking, StateChange } from './work.js';

export interface RedisParkingDeps {
  readonly fenced: FencedScripts;
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

export function createRedisParking({ fenced, connection, keys }: RedisParkingDeps): Parking {
  const change = (lease: Lease, state: StateChange | null) => (state === null ? {} : written(lease, state));
  return {
    park: async (lease, state) => {
      await fenced.run('park', lease, change(lease, state));
    },
    unpark: async (lease, state) => {
      await fenced.run('unpark', lease, change(lease, state));
    },
    parked: () => readParked(connection, keys),
  };
}

const troubles = z.record(z.string(), z.string());

/** Reads only, so that it may be asked of a Redis that is not to be changed. */
export async function readParked(connection: RedisConnection, keys: Keys): ReturnType<Parking['parked']> {
  const found = troubles.parse(await guarded(connection.call((client) => client.hgetall(keys.key('trouble')))));
  return Object.entries(found).flatMap(([name, text]) => {
    const trouble = readable(text);
    return trouble === null || trouble.parkedAt === null ? [] : [{ key: keyOf(name), trouble }];
  });
}

/** Null where it is damaged: then no script knows of it either, and the next work on its key clears it away. */
function readable(text: string) {
  try {
    return decodeTrouble(text, 0);
  } catch {
    return null;
  }
}
