import { z } from 'zod';
import type { HostRecord } from '../domain/host.js';
import type { HostSnapshot } from '../scheduler/placement.js';
import { decodeDevices, decodeHost, encodeDocument, fieldsOf } from './codec.js';
import type { Keys } from './keys.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import type { FencedScripts } from './redis-leases.js';
import { integer, pairs, texts } from './redis-replies.js';
import type { ScriptRunner } from './script-runner.js';
import type { HostWork } from './work.js';

export interface RedisHostWorkDeps {
  readonly scripts: ScriptRunner;
  readonly fenced: FencedScripts;
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

export function createRedisHostWork({ scripts, fenced, connection, keys }: RedisHostWorkDeps): HostWork {
  return {
    saveHost: async (lease, host) => {
      if (lease.key !== `host/${host.name}`) throw new TypeError(`${lease.key} is not host ${host.name}`);
      const args = { name: host.name, host: encodeDocument(host), capacity: capacityOf(host) };
      await fenced.run('save-host', lease, args);
    },
    hosts: async () => {
      const { hosts, leases } = await readHosts(scripts);
      return snapshots(hosts, leases);
    },
    containersOn: async (name) => {
      const { leases } = await readHosts(scripts);
      return [...new Set(leases.filter((lease) => lease.host === name).map((lease) => lease.containerId))];
    },
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

async function readHosts(scripts: ScriptRunner) {
  const [hosts, leases] = z.tuple([texts, pairs]).parse(await guarded(scripts.run('hosts', {})));
  return { hosts: hosts.map(decodeHost), leases: Object.values(fieldsOf(leases) ?? {}).map(decodeDevices) };
}

function knowledge(exists: number | undefined, deleted: number | undefined): 'EXISTS' | 'DELETED' | 'UNKNOWN' {
  if (exists === 1) return 'EXISTS';
  return deleted === 1 ? 'DELETED' : 'UNKNOWN';
}

/** Everything that decides what fits, and nothing that changes with each observation. */
function capacityOf({ state, gpus, foreignGpus, ports, memory, cores, labels, address }: HostRecord): string {
  return JSON.stringify({ state, gpus, foreignGpus, ports, memory, cores, labels, address });
}

function snapshots(hosts: readonly HostRecord[], leases: readonly ReturnType<typeof decodeDevices>[]): HostSnapshot[] {
  return hosts.map((host) => {
    const own = leases.filter((lease) => lease.host === host.name);
    return {
      host,
      takenGpus: new Set([...host.foreignGpus, ...own.flatMap((lease) => lease.gpuUuids)]),
      takenPorts: new Set(own.flatMap((lease) => (lease.port === null ? [] : [lease.port]))),
      instances: own.length,
      leasedMemory: own.reduce((sum, lease) => sum + lease.memory, 0),
      leasedCores: own.reduce((sum, lease) => sum + lease.cores, 0),
    };
  });
}
