import { createMemoryHost, type MemoryHost } from '../../src/engine/memory-driver.js';
import type { HostConfig } from '../../src/fleet/host-config.js';

/** The one image that hosts in memory have. It came from a registry, so it may run on any of them. */
export const MEMORY_IMAGE = 'registry.example.com/team/app:1.0';
/** How long a host in memory takes for each answer. */
export const MEMORY_LATENCY_MS = 2;
export const GPU_MEMORY = 80 * 2 ** 30;
/** What stands for a repository digest and for an image id. */
const DIGEST = `sha256:${'d'.repeat(64)}`;
const IMAGE_ID = `sha256:${'e'.repeat(64)}`;

export const memoryHostName = (number: number): string => `gpu-${String(number).padStart(4, '0')}`;

/** Hosts of this many GPUs each, as the hosts file would name them. */
export function memoryHostConfigs(count: number, gpusEach: number): readonly HostConfig[] {
  return Array.from({ length: count }, (_, number) => ({
    name: memoryHostName(number),
    endpoint: 'unix:///nowhere',
    address: `10.0.${Math.floor(number / 250)}.${(number % 250) + 1}`,
    tls: null,
    labels: {},
    gpus: Array.from({ length: gpusEach }, (__, gpu) => ({
      uuid: `GPU-${String(number).padStart(4, '0')}-${gpu}`,
      name: 'NVIDIA H100 80GB HBM3',
      memory: GPU_MEMORY,
    })),
    ports: { first: 20_000, last: 29_999 },
  }));
}

/** The engine of one: it has the image, and answers after 2 ms. */
export function memoryHost(name: string): MemoryHost {
  const host = createMemoryHost({ host: name, latencyMs: MEMORY_LATENCY_MS, memory: 2 ** 41, cores: 224 });
  const pullReference = `${MEMORY_IMAGE.slice(0, MEMORY_IMAGE.lastIndexOf(':'))}@${DIGEST}`;
  host.addImage(MEMORY_IMAGE, { id: IMAGE_ID, digest: DIGEST, pullReference });
  return host;
}
