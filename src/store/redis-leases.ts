import { guarded } from './redis-faults.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from './script-runner.js';
import { type Lease, LeaseLostError } from './work.js';

/** Runs scripts under a lease: gives each its step number, and turns their refusals into errors. */
export interface FencedScripts {
  run(name: ScriptName, lease: Lease, args: ScriptArguments): Promise<unknown>;
}

/**
 * `nextStep` numbers the writes of this process, upwards. One lease is held by one process, so its steps only grow, and a script can tell a
 * repetition of the last step from a late copy of an earlier one.
 */
export function createFencedScripts(scripts: ScriptRunner): FencedScripts {
  let step = 0;
  return {
    run: async (name, lease, args) => {
      step += 1;
      const { key, fence, token } = lease;
      try {
        return await guarded(scripts.run(name, { ...args, key, fence, token, step }));
      } catch (error) {
        // A write that was overtaken by a later one of the same holder came too late to be true.
        if (error instanceof Error && /^(ERR )?(LEASE_LOST|STALE_STEP)\b/.test(error.message))
          throw new LeaseLostError(key);
        throw error;
      }
    },
  };
}
