import type { HostConfig } from '../fleet/host-config.js';
import type { Diagnosis } from './diagnosis.js';
import { diagnoseHost } from './host.js';
import { diagnoseRedis, type RedisPlace } from './redis.js';

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
  return [...redis.diagnoses, ...ofHosts.flat()];
}
