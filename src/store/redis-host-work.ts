import { z } from 'zod';
import type { HostRecord } from '../domain/host.js';
import { encodeDocument } from './codec.js';
import type { Keys } from './keys.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import type { FencedScripts } from './redis-leases.js';
import type { PlacementFeed } from './redis-placement-feed.js';
import { integer } from './redis-replies.js';
import type { HostWork } from './work.js';

export interface RedisHostWorkDeps {
  readonly fenced: FencedScripts;
  readonly feed: PlacementFeed;
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

export function createRedisHostWork({ fenced, feed, connection, keys }: RedisHostWorkDeps): HostWork {
  return {
    saveHost: async (lease, host) => {
      if (lease.key !== `host/${host.name}`) throw new TypeError(`${lease.key} is not host ${host.name}`);
      const args = { name: host.name, host: encodeDocument(host), capacity: capacityOf(host) };
      await fenced.run('save-host', lease, args);
    },
    removeHost: async (lease) => {
      if (!lease.key.startsWith('host/')) throw new TypeError(`${lease.key} is no host`);
      await fenced.run('remove-host', lease, { name: lease.key.slice('host/'.length) });
    },
    hosts: async () => (await feed.read()).snapshots,
    containersOn: async (name) => (await feed.read()).containersOn(name),
    knownContainers: async (ids) => {
      if (ids.length === 0) return new Map();
      const flags = await guarded(
        connection.call((client) => {
          const pipeline = client.pipeline();
          for (const id of ids) pipeline.exists(keys.key('container', id)).exists(keys.key('tombstone', id));
          return replies(pipeline);
        }),
      );
      const known = z.array(integer).parse(flags);
      return new Map(ids.map((id, at) => [id, knowledge(known[2 * at], known[2 * at + 1])]));
    },
  };
}

function knowledge(exists: number | undefined, deleted: number | undefined): 'EXISTS' | 'DELETED' | 'UNKNOWN' {
  if (exists === 1) return 'EXISTS';
  return deleted === 1 ? 'DELETED' : 'UNKNOWN';
}

/** Everything that decides what fits, and nothing that changes with each observation. */
function capacityOf({ state, gpus, foreignGpus, ports, memory, cores, labels, address }: HostRecord): string {
  return JSON.stringify({ state, gpus, foreignGpus, ports, memory, cores, labels, address });
}
