import type { HostConfig } from '../fleet/host-config.js';
import type { Diagnosis } from './diagnosis.js';
import { diagnoseHost } from './host.js';
import { diagnoseRedis } from './redis.js';

export interface Patient {
  /** Null: the private one in `dataDir`. */
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly hosts: readonly HostConfig[];
}

/** Looks at everything that a configuration names, all at once, and changes nothing. */
export async function diagnose({ redisUrl, dataDir, hosts }: Patient): Promise<readonly Diagnosis[]> {
  const redis = await diagnoseRedis(redisUrl, dataDir);
  const ofHosts = await Promise.all(hosts.map((host) => diagnoseHost(host, redis.controlPlaneId)));
  return [...redis.diagnoses, ...ofHosts.flat()];
}
