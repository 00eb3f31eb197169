import { isDeepStrictEqual } from 'node:util';
import type { HostedInstance } from '../reconciler/view.js';

/**
 * What a container was like, in Redis and on its hosts, when a plan had found nothing to do and no time at which there would be something. A plan follows
 * from what it is made on, so there is nothing to do for as long as both are the same, whoever changed them back and forth meanwhile.
 */
export interface Rest {
  /** Of its records. */
  readonly mark: string;
  /** What its hosts showed of it; all of them had answered. */
  readonly observed: readonly HostedInstance[];
  /** Hosts of its instances, apart from the one that was looked at. */
  readonly others: readonly string[];
}

/** Of the containers on each host, as this process last saw them. */
export interface Rests {
  /** By container. */
  of(host: string): ReadonlyMap<string, Rest>;
  /** Replaces all of the host's. */
  put(host: string, rests: ReadonlyMap<string, Rest>): void;
}

/** All is planned anew this often: what no reasoning about plans foresaw must not be slept through. */
const LASTING_MS = 600_000;

/** `now`: milliseconds that only go forward. */
export function createRests(now: () => number): Rests {
  const byHost = new Map<string, { readonly since: number; readonly rests: ReadonlyMap<string, Rest> }>();
  return {
    of: (host) => {
      const known = byHost.get(host);
      if (known !== undefined && now() - known.since < LASTING_MS) return known.rests;
      byHost.delete(host);
      return NONE;
    },
    put: (host, rests) => void byHost.set(host, { since: byHost.get(host)?.since ?? now(), rests }),
  };
}

const NONE: ReadonlyMap<string, Rest> = new Map();

export function isSeenSo({ observed }: Rest, now: readonly HostedInstance[]): boolean {
  return isDeepStrictEqual(observed, now);
}
