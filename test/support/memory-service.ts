import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryHost, type MemoryHost } from '../../src/engine/memory-driver.js';
import type { Seams } from '../../src/main.js';
import { newDirectory } from './run-directory.js';
import { type RunningService, startService } from './service.js';

/** An image that hosts in memory have. */
export const MEMORY_IMAGE = 'registry.example.com/team/app:1.0';

export interface MemoryService extends RunningService {
  /** Host-1, whose instances are always healthy. No process runs: who calls an instance finds what the test has put at its port. */
  readonly host: MemoryHost;
}

/** A whole service on a real Redis, whose one host is in memory. */
export async function startMemoryService(
  redisUrl: string,
  env: Readonly<Record<string, string>> = {},
  seams: Omit<Seams, 'engines'> = {},
): Promise<MemoryService> {
  const host = createMemoryHost({ host: 'host-1', memory: 2 ** 36, cores: 16 });
  host.addImage(MEMORY_IMAGE);
  const file = join(newDirectory('hosts'), 'hosts.yaml');
  const config = { name: 'host-1', endpoint: 'unix:///nowhere', address: '127.0.0.1', ports: '20000-29999' };
  writeFileSync(file, JSON.stringify({ hosts: [config] }));
  const service = await startService({
    engines: [],
    env: {
      REDIS_URL: redisUrl,
      LONGSHORE_HOSTS_FILE: file,
      LONGSHORE_LEASE_TTL: '3s',
      LONGSHORE_WATCH_WINDOW: '0s',
      ...env,
    },
    seams: {
      ...seams,
      engines: { driver: (_, controlPlaneId) => host.driver(controlPlaneId), probe: () => Promise.resolve(null) },
    },
  });
  return { ...service, host };
}
