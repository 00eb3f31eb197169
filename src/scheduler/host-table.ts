import type { HostRecord } from '../domain/host.js';
import { freeGpus } from './gpu.js';
import type { HostSnapshot } from './placement.js';

/** What an instance holds of its host. */
export interface HeldDevices {
  readonly instanceId: string;
  readonly containerId: string;
  readonly host: string;
  readonly gpuUuids: readonly string[];
  readonly port: number | null;
  readonly memory: number;
  readonly cores: number;
}

/**
 * Hosts and what is held of them, kept up to date change by change: what one change costs does not depend on how many hosts there are. Made of
 * values only; who reads the changes, and from where, is not its business.
 */
export interface HostTable {
  /** In no order. The list stays the same one, and shows every change at once. */
  readonly snapshots: readonly HostSnapshot[];
  /** Null: there is no such host any more. What is held there is remembered, should it come back. */
  putHost(name: string, record: HostRecord | null): void;
  /** Null: the instance holds nothing any more. */
  putDevices(instanceId: string, devices: HeldDevices | null): void;
  /** What is being asked for counts as held until `drop`, so that two who decide at the same time do not choose the same. */
  reserve(devices: HeldDevices): { drop(): void };
  containersOn(host: string): readonly string[];
  clear(): void;
}

interface Entry {
  record: HostRecord | null;
  /** By instance. */
  readonly held: Map<string, HeldDevices>;
  /** Oldest first. */
  readonly reserved: Set<HeldDevices>;
  /** Its place in the list; -1 while there is no record. */
  at: number;
}

export function createHostTable(): HostTable {
  const snapshots: HostSnapshot[] = [];
  const entries = new Map<string, Entry>();
  const hostOf = new Map<string, string>();

  const entryOf = (host: string): Entry => {
    const known = entries.get(host);
    if (known) return known;
    const made: Entry = { record: null, held: new Map(), reserved: new Set(), at: -1 };
    entries.set(host, made);
    return made;
  };

  const refresh = (entry: Entry): void => {
    if (entry.record === null) return leave(entry);
    if (entry.at < 0) entry.at = snapshots.length;
    snapshots[entry.at] = snapshotOf(entry.record, entry);
  };

  /** The last one takes its place. */
  const leave = (entry: Entry): void => {
    if (entry.at < 0) return;
    const last = snapshots.pop();
    const moved = last && entries.get(last.host.name);
    if (last && moved && moved !== entry) {
      snapshots[entry.at] = last;
      moved.at = entry.at;
    }
    entry.at = -1;
  };

  const forget = (instanceId: string): void => {
    const entry = entries.get(hostOf.get(instanceId) ?? '');
    hostOf.delete(instanceId);
    if (entry?.held.delete(instanceId)) refresh(entry);
  };

  return {
    snapshots,
    putHost: (name, record) => {
      const entry = entryOf(name);
      entry.record = record;
      refresh(entry);
    },
    putDevices: (instanceId, devices) => {
      if (devices === null || hostOf.get(instanceId) !== devices.host) forget(instanceId);
      if (devices === null) return;
      const entry = entryOf(devices.host);
      entry.held.set(instanceId, devices);
      hostOf.set(instanceId, devices.host);
      refresh(entry);
    },
    reserve: (devices) => {
      const entry = entryOf(devices.host);
      entry.reserved.add(devices);
      refresh(entry);
      return {
        drop: () => {
          // What is held by now was counted once all along.
          if (entry.reserved.delete(devices) && !entry.held.has(devices.instanceId)) refresh(entry);
        },
      };
    },
    containersOn: (host) => {
      const held = entries.get(host)?.held.values() ?? [];
      return [...new Set([...held].map(({ containerId }) => containerId))];
    },
    clear: () => {
      for (const entry of entries.values()) {
        entry.record = null;
        entry.held.clear();
        leave(entry);
      }
      hostOf.clear();
    },
  };
}

function snapshotOf(host: HostRecord, { held, reserved }: Entry): HostSnapshot {
  const takenGpus = new Set(host.foreignGpus);
  const takenPorts = new Set<number>();
  let [instances, leasedMemory, leasedCores] = [0, 0, 0];
  const count = ({ gpuUuids, port, memory, cores }: HeldDevices): void => {
    for (const uuid of gpuUuids) takenGpus.add(uuid);
    if (port !== null) takenPorts.add(port);
    instances += 1;
    leasedMemory += memory;
    leasedCores += cores;
  };
  for (const devices of held.values()) count(devices);
  for (const devices of reserved) if (!held.has(devices.instanceId)) count(devices);
  return { host, takenGpus, freeGpus: freeGpus(host, takenGpus), takenPorts, instances, leasedMemory, leasedCores };
}
