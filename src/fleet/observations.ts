import { EngineError, type ObservedInstance } from '../engine/driver.js';
import type { Fleet } from './fleet.js';

/** All of ours on one host, by container. */
export type HostObservation = ReadonlyMap<string, readonly ObservedInstance[]>;

/** What this process last saw of whole hosts, so that the look at one host may be judged beside what the others showed. */
export interface Observations {
  /** Lists the host anew. Fails with EngineError. */
  observe(host: string, signal: AbortSignal): Promise<HostObservation>;
  /** What it showed at most so many milliseconds ago; else it is listed anew, once for all who ask. Fails with EngineError. */
  recent(host: string, maxAgeMs: number): Promise<HostObservation>;
}

interface Listing {
  readonly at: number;
  readonly found: Promise<HostObservation>;
}

export function createObservations(
  fleet: Pick<Fleet, 'ready' | 'forget'>,
  now: () => number = () => performance.now(),
): Observations {
  const last = new Map<string, Listing>();

  const begin = (host: string, signal?: AbortSignal): Promise<HostObservation> => {
    const listing: Listing = { at: now(), found: listed(fleet, host, signal) };
    // A failure is its asker's; what was seen before is no answer any more, and a host that did not answer is left alone for a while.
    listing.found.catch((error: unknown) => {
      if (last.get(host) === listing) last.delete(host);
      if (error instanceof EngineError && !signal?.aborted) fleet.forget(host, error);
    });
    last.set(host, listing);
    return listing.found;
  };

  return {
    observe: begin,
    recent: (host, maxAgeMs) => {
      const known = last.get(host);
      return known && now() - known.at <= maxAgeMs ? known.found : begin(host);
    },
  };
}

async function listed(fleet: Pick<Fleet, 'ready'>, host: string, signal?: AbortSignal): Promise<HostObservation> {
  const driver = await fleet.ready(host);
  const byContainer = new Map<string, ObservedInstance[]>();
  for (const instance of await driver.list({}, signal)) {
    const { containerId } = instance.identity;
    const group = byContainer.get(containerId);
    if (group) group.push(instance);
    else byContainer.set(containerId, [instance]);
  }
  return byContainer;
}
