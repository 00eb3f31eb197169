import { guarded } from './redis-faults.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from './script-runner.js';
import { type Lease, LeaseLostError } from './work.js';

/** Runs scripts under a lease: gives each its step number, and turns their refusals into errors. */
export interface FencedScripts {
  run(name: ScriptName, lease: Lease, args: ScriptArguments): Promise<unknown>;
}

/** They leave no trace of their step with the lease. */
const READINGS: ReadonlySet<ScriptName> = new Set(['load', 'load-host']);

/**
 * `step` numbers the writes of this process, upwards. One lease is held by one process, so its steps only grow, and a script can tell a
 * repetition of the last step from a late copy of an earlier one. `after` is the latest write under the lease that was answered: a Redis that
 * does not know of it has lost it, in a failover, and with it what the holder goes on from.
 */
export function createFencedScripts(scripts: ScriptRunner): FencedScripts {
  const answered = new WeakMap<Lease, number>();
  let last = 0;
  return {
    run: async (name, lease, args) => {
      last += 1;
      const step = last;
      const { key, fence, token } = lease;
      const after = answered.get(lease);
      try {
        const reply = await guarded(
          scripts.run(name, { ...args, key, fence, token, step, ...(after !== undefined && { after }) }),
        );
        if (!READINGS.has(name)) answered.set(lease, Math.max(step, answered.get(lease) ?? 0));
        return reply;
      } catch (error) {
        // A write that was overtaken by a later one of the same holder came too late to be true.
        if (error instanceof Error && /^(ERR )?(LEASE_LOST|STALE_STEP)\b/.test(error.message))
          throw new LeaseLostError(key);
        throw error;
      }
    },
  };
}
