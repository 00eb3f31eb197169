import { listOf, member, numberOf, textOf, textsOf } from './docker-json.js';

/**
 * UUIDs of the devices that one container was given, of all those of its host, which are to be in index order. What
 * cannot be told apart counts as every device: a GPU that is thought to be taken costs less than one that is used twice.
 */
export function devicesOf(inspect: unknown, allUuids: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  for (const request of listOf(member(inspect, 'HostConfig', 'DeviceRequests'))) {
    if (isForGpus(request)) for (const uuid of requested(request, allUuids)) taken.add(uuid);
  }
  for (const uuid of visible(inspect, allUuids)) taken.add(uuid);
  for (const device of listOf(member(inspect, 'HostConfig', 'Devices'))) {
    const index = /^\/dev\/nvidia(\d+)$/.exec(textOf(member(device, 'PathOnHost')))?.[1];
    if (index !== undefined) for (const uuid of named(index, allUuids)) taken.add(uuid);
  }
  return allUuids.filter((uuid) => taken.has(uuid));
}

function isForGpus(request: unknown): boolean {
  const driver = textOf(member(request, 'Driver'));
  const names = textsOf(member(request, 'DeviceIDs'));
  if (driver === 'cdi') return names.some((name) => name.startsWith('nvidia.com/'));
  const capabilities = listOf(member(request, 'Capabilities')).flatMap(textsOf);
  return driver.startsWith('nvidia') || capabilities.includes('gpu') || capabilities.includes('nvidia');
}

/** Count n means the devices 0 to n-1, a negative one means all. */
function requested(request: unknown, allUuids: readonly string[]): readonly string[] {
  const names = textsOf(member(request, 'DeviceIDs'));
  if (names.length > 0) return names.flatMap((name) => named(name.replace(/^.*=/, ''), allUuids));
  const count = numberOf(member(request, 'Count'));
  return count < 0 ? allUuids : allUuids.slice(0, count);
}

/**
 * NVIDIA_VISIBLE_DEVICES hands out devices under NVIDIA's runtime only, and every CUDA image sets it to `all`. A UUID in it was
 * written by somebody who meant that device, so that counts under any runtime.
 */
function visible(inspect: unknown, allUuids: readonly string[]): readonly string[] {
  const prefix = 'NVIDIA_VISIBLE_DEVICES=';
  const setting = textsOf(member(inspect, 'Config', 'Env')).findLast((entry) => entry.startsWith(prefix));
  const names = (setting ?? prefix).slice(prefix.length).split(',');
  const byRuntime = /nvidia/i.test(textOf(member(inspect, 'HostConfig', 'Runtime')));
  return names
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'void' && name !== 'none')
    .filter((name) => byRuntime || /^(GPU|MIG)-/.test(name))
    .flatMap((name) => named(name, allUuids));
}

/** One device by `all`, index, UUID or the beginning of one, or as the parent of a MIG device (`MIG-GPU-<uuid>/1/0`, `0:1`). */
function named(name: string, allUuids: readonly string[]): readonly string[] {
  const index = /^(\d+)(:\d+)?$/.exec(name)?.[1];
  if (index !== undefined) {
    const uuid = allUuids[Number(index)];
    return uuid === undefined ? [] : [uuid];
  }
  if (/^(GPU-|MIG-GPU-)/.test(name)) {
    const uuid = name.replace(/^MIG-/, '').replace(/\/.*$/, '');
    return allUuids.filter((known) => known.startsWith(uuid));
  }
  return allUuids;
}
