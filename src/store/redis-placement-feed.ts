import { z } from 'zod';
import { createHostTable, type HostTable } from '../scheduler/host-table.js';
import type { HeldDevices } from '../scheduler/placement.js';
import { decodeDevices, decodeHost } from './codec.js';
import { fastParser } from './fast-parser.js';
import { guarded } from './redis-faults.js';
import { pairs } from './redis-replies.js';
import type { ScriptRunner } from './script-runner.js';
import { createSharedReads } from './shared-reads.js';

export interface PlacementFeedDeps {
  readonly scripts: ScriptRunner;
  /** Changes whenever the connection was made anew: behind it may be another Redis, with another past. */
  readonly connectionNumber: () => number;
}

/** Hosts and what is held of them, in this process: read whole once, and from then on by what has changed. */
export interface PlacementFeed {
  /** As of a moment after the call. The table is the same one each time, and goes on being kept up to date. */
  read(): Promise<HostTable>;
  /** Counts the devices as held while `taking` is under way, and after it until a reading has shown what became of it. */
  whileTaking<T>(devices: HeldDevices, taking: Promise<T>): Promise<T>;
}

/** All is read again this often, whatever the changes said: what no reasoning about failovers foresaw must not stay wrong. */
const READ_WHOLE_MS = 30_000;

export function createPlacementFeed({ scripts, connectionNumber }: PlacementFeedDeps): PlacementFeed {
  const table = createHostTable();
  /** By instance, with the text that they were decoded from. */
  let leases = new Map<string, KnownLease>();
  let version = 0;
  let connection = -1;
  let wholeAt = Number.NEGATIVE_INFINITY;
  /** Reservations whose outcome Redis knows: the next reading that begins has it. */
  const decided = new Set<{ drop(): void }>();

  const ask = async (since: number): Promise<Reply> => replyOf(await guarded(scripts.run('hosts', { since })));

  const take = ({ whole, devices, hosts, version: reached }: Reply): void => {
    const before = leases;
    if (whole) {
      table.clear();
      leases = new Map();
    }
    // Devices first: a host is summed up once then, and not for each of them.
    for (const [instanceId, text] of byName(devices)) {
      const lease = text === '' ? null : leaseOf(text, before.get(instanceId));
      if (lease === null) leases.delete(instanceId);
      else leases.set(instanceId, lease);
      table.putDevices(instanceId, lease && lease.devices);
    }
    for (const [name, text] of byName(hosts)) table.putHost(name, text === '' ? null : decodeHost(text));
    version = reached;
    if (whole) wholeAt = performance.now();
  };

  const readOnce = async (): Promise<HostTable> => {
    const settled = [...decided];
    const number = connectionNumber();
    const stale = number !== connection || performance.now() - wholeAt > READ_WHOLE_MS;
    const reply = await ask(stale ? 0 : version);
    // The changes since `version` are those of the Redis that it came from.
    take(connectionNumber() === number ? reply : await ask(0));
    connection = number;
    for (const reservation of settled) {
      decided.delete(reservation);
      reservation.drop();
    }
    return table;
  };

  const reads = createSharedReads(readOnce, 1);
  return {
    read: () => reads.ask(''),
    whileTaking: async (devices, taking) => {
      const reservation = table.reserve(devices);
      try {
        return await taking;
      } finally {
        decided.add(reservation);
      }
    },
  };
}

interface KnownLease {
  readonly text: string;
  readonly devices: HeldDevices;
}

/** When all is read again, most is as it was: decoding ten thousand leases anew would hold up everything else in the process. */
const leaseOf = (text: string, before: KnownLease | undefined): KnownLease =>
  before?.text === text ? before : { text, devices: decodeDevices(text) };

interface Reply {
  readonly version: number;
  /** All there is, and not only what changed. */
  readonly whole: boolean;
  /** By name and by instance, as pairs; an empty text: gone. */
  readonly hosts: readonly string[];
  readonly devices: readonly string[];
}

const hostsReply = fastParser(z.tuple([z.number(), z.number(), pairs, pairs]));

function replyOf(reply: unknown): Reply {
  const [version, whole, hosts, devices] = hostsReply(reply);
  return { version, whole: whole === 1, hosts, devices };
}

function* byName(flat: readonly string[]): Iterable<readonly [string, string]> {
  for (let at = 0; at + 1 < flat.length; at += 2) yield [flat[at] ?? '', flat[at + 1] ?? ''];
}
