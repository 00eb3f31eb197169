import type { Redis } from 'ioredis';
import type { HostRecord } from '../domain/host.js';
import { decodeHost } from './codec.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { createSharedReads } from './shared-reads.js';

export interface HostRecordsDeps {
  readonly connection: Pick<RedisConnection, 'call'>;
  readonly keys: Keys;
}

/** Hosts without what is held of them, as of `withinMs` ago at most; 0: as of a moment after the call. */
export type ReadHosts = (withinMs: number) => Promise<readonly HostRecord[]>;

interface Known {
  readonly text: string;
  readonly host: HostRecord;
}

/** Reads all of them each time, as few change at once: who has not changed is not decoded again. */
export function createHostRecords({ connection, keys }: HostRecordsDeps): ReadHosts {
  const everyHost = (client: Redis) => client.hgetall(keys.key('hosts'));
  let known: ReadonlyMap<string, Known> = new Map();
  let hosts: readonly HostRecord[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;

  const readOnce = async (): Promise<readonly HostRecord[]> => {
    const asking = performance.now();
    const found = Object.entries(await guarded(connection.call(everyHost)));
    known = new Map(
      found.map(([name, text]) => {
        const before = known.get(name);
        return [name, before?.text === text ? before : { text, host: decodeHost(text) }];
      }),
    );
    hosts = [...known.values()].map(({ host }) => host);
    askedAt = asking;
    return hosts;
  };

  const reads = createSharedReads(readOnce, 1);
  return async (withinMs) => (performance.now() - askedAt < withinMs ? hosts : reads.ask(''));
}
