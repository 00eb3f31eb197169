import { z } from 'zod';
import { createHostTable, type HeldDevices, type HostTable } from '../scheduler/host-table.js';
import { decodeDevices, decodeHost, fieldsOf } from './codec.js';
import { guarded } from './redis-faults.js';
import { integer, pairs } from './redis-replies.js';
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
  let version = 0;
  let connection = -1;
  let wholeAt = Number.NEGATIVE_INFINITY;
  /** Reservations whose outcome Redis knows: the next reading that begins has it. */
  const decided = new Set<{ drop(): void }>();

  const ask = async (since: number): Promise<Reply> => replyOf(await guarded(scripts.run('hosts', { since })));

  const take = ({ whole, devices, hosts, version: reached }: Reply): void => {
    if (whole) table.clear();
    // Devices first: a host is summed up once then, and not for each of them.
    for (const [instanceId, text] of devices) table.putDevices(instanceId, text === '' ? null : decodeDevices(text));
    for (const [name, text] of hosts) table.putHost(name, text === '' ? null : decodeHost(text));
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

interface Reply {
  readonly version: number;
  /** All there is, and not only what changed. */
  readonly whole: boolean;
  /** By name and by instance; an empty text: gone. */
  readonly hosts: readonly (readonly [string, string])[];
  readonly devices: readonly (readonly [string, string])[];
}

const hostsReply = z.tuple([integer, integer, pairs, pairs]);

function replyOf(reply: unknown): Reply {
  const [version, whole, hosts, devices] = hostsReply.parse(reply);
  const entriesOf = (flat: readonly string[]) => Object.entries(fieldsOf(flat) ?? {});
  return { version, whole: whole === 1, hosts: entriesOf(hosts), devices: entriesOf(devices) };
}
