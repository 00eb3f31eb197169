import { EngineError } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import type { HostedInstance } from '../reconciler/view.js';

/** What the engines show of one container; a host that could not be asked is named with the reason, and what is on it is unknown. */
export interface Observation {
  readonly observed: readonly HostedInstance[];
  readonly unobserved: ReadonlyMap<string, string>;
}

/** Asks the hosts side by side; one that does not answer costs no more than its own timeout. */
export async function observeContainer(
  fleet: Fleet,
  hosts: ReadonlySet<string>,
  containerId: string,
  signal: AbortSignal,
): Promise<Observation> {
  const unobserved = new Map<string, string>();
  const lists = await Promise.all(
    [...hosts].map(async (host) => {
      try {
        const driver = await fleet.ready(host);
        const found = await driver.list({ containerId }, signal);
        return found.map((instance) => ({ ...instance, host }));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof EngineError)) throw error;
        fleet.forget(host, error);
        unobserved.set(host, error.message);
        return [];
      }
    }),
  );
  return { observed: lists.flat(), unobserved };
}
