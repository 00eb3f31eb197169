import { member, numberOf, textOf } from './docker-json.js';
import type { EngineInfo } from './driver.js';

/**
 * The answer of GET /info. An engine does not list its device drivers, so `nvidia` tells of NVIDIA's runtime and of CDI
 * devices: false is no proof that there is none.
 */
export function infoOf(info: unknown): EngineInfo {
  const devices = member(info, 'DiscoveredDevices');
  const cdi =
    Array.isArray(devices) && devices.some((device) => textOf(member(device, 'ID')).startsWith('nvidia.com/'));
  return {
    version: textOf(member(info, 'ServerVersion')),
    memory: numberOf(member(info, 'MemTotal')),
    cores: numberOf(member(info, 'NCPU')),
    nvidia: cdi || member(info, 'Runtimes', 'nvidia') !== undefined,
  };
}
