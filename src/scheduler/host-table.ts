import type { HostRecord } from '../domain/host.js';
import { freeGpus } from './gpu.js';
import type { HeldDevices, HostSnapshot } from './placement.js';
import { Tally } from './tally.js';

/**
 * Hosts and what is held of them, kept up to date change by change: what one change costs depends neither on how many hosts there are nor on how much
 * is held of one. Made of values only; who reads the changes, and from where, is not its business.
 */
export interface HostTable {
  /** In no order. The list stays the same one, and shows every change at once; of a snapshot that was taken from it, the sets do. */
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
  readonly reserved: Set<HeldDevices>;
  /** Of the record, of what is held, and of what is reserved and not held yet. */
  tally: Tally;
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
    const made: Entry = { record: null, held: new Map(), reserved: new Set(), tally: new Tally(), at: -1 };
    entries.set(host, made);
    return made;
  };

  const refresh = (entry: Entry): void => {
    if (entry.record === null) return leave(entry);
    if (entry.at < 0) entry.at = snapshots.length;
    snapshots[entry.at] = snapshotOf(entry.record, entry.tally);
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

  /** What an instance holds of a host: of what it holds and what is reserved for it, the first, so that it counts once. */
  const hold = (entry: Entry, instanceId: string, devices: HeldDevices | null): void => {
    const former = entry.held.get(instanceId);
    if (former === undefined && devices === null) return;
    const reserved = [...entry.reserved].filter((one) => one.instanceId === instanceId);
    for (const one of former === undefined ? reserved : [former]) entry.tally.remove(one);
    for (const one of devices === null ? reserved : [devices]) entry.tally.add(one);
    if (devices === null) entry.held.delete(instanceId);
    else entry.held.set(instanceId, devices);
    refresh(entry);
  };

  const forget = (instanceId: string): void => {
    const entry = entries.get(hostOf.get(instanceId) ?? '');
    hostOf.delete(instanceId);
    if (entry) hold(entry, instanceId, null);
  };

  return {
    snapshots,
    putHost: (name, record) => {
      const entry = entryOf(name);
      entry.tally.setForeign(entry.record, record);
      entry.record = record;
      refresh(entry);
    },
    putDevices: (instanceId, devices) => {
      if (devices === null || hostOf.get(instanceId) !== devices.host) forget(instanceId);
      if (devices === null) return;
      hostOf.set(instanceId, devices.host);
      hold(entryOf(devices.host), instanceId, devices);
    },
    reserve: (devices) => {
      const entry = entryOf(devices.host);
      const isHeld = () => entry.held.has(devices.instanceId);
      entry.reserved.add(devices);
      if (!isHeld()) {
        entry.tally.add(devices);
        refresh(entry);
      }
      return {
        drop: () => {
          if (!entry.reserved.delete(devices) || isHeld()) return;
          entry.tally.remove(devices);
          refresh(entry);
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
        entry.tally = new Tally();
        for (const devices of entry.reserved) entry.tally.add(devices);
        leave(entry);
      }
      hostOf.clear();
    },
  };
}

function snapshotOf(host: HostRecord, tally: Tally): HostSnapshot {
  const { takenGpus, takenPorts, instances, leasedMemory, leasedCores } = tally;
  return { host, takenGpus, freeGpus: freeGpus(host, takenGpus), takenPorts, instances, leasedMemory, leasedCores };
}
