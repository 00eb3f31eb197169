import type { HostConfig } from '../fleet/host-config.js';
import { type Diagnosis, failed } from './diagnosis.js';
import { diagnoseHost } from './host.js';
import { diagnoseRedis, type RedisFindings, type RedisPlace } from './redis.js';

export interface Patient extends RedisPlace {
  readonly hosts: readonly HostConfig[];
}

/** Looks at everything that a configuration names, all at once, and changes nothing. */
export async function diagnose({ hosts, ...place }: Patient): Promise<readonly Diagnosis[]> {
  const redis = await diagnoseRedis(place);
  const ofHosts = await Promise.all(
    hosts.map((host) =>
      diagnoseHost(host, redis.controlPlane, redis.hosts.find(({ name }) => name === host.name) ?? null),
    ),
  );
  return [...redis.diagnoses, ...ofHosts.flat(), ...diagnoseUnnamed(hosts, redis)];
}

/** Of what is on a host that has lost its entry nobody would hear. */
function diagnoseUnnamed(hosts: readonly HostConfig[], { holders }: RedisFindings): readonly Diagnosis[] {
  const named = new Set(hosts.map(({ name }) => name));
  const unnamed = [...holders].filter(([name]) => !named.has(name));
  return unnamed.map(([name, count]) =>
    failed(
      `host ${name}`,
      `it is not in the configuration, and instances are on it (${count}): nobody looks after them, nor can they be deleted`,
      'put its entry back under that name, with gone: true where the host is gone for good',
    ),
  );
}
