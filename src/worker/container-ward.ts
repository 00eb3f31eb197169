import { planGivingUp } from '../reconciler/giving-up.js';
import type { KnownTrouble, Lease } from '../store/work.js';
import { type ActiveStep, apply } from './apply/apply.js';
import { type ContainerCycleDeps, contextOf } from './container-cycle.js';
import { viewOf } from './container-view.js';
import type { HeldLease } from './held-leases.js';
import type { Ward } from './parking.js';
import type { Hints } from './worker.js';

/** Nothing is asked of the engines: it may be their answers that the work fails at. */
const NOTHING_SEEN = { observed: [], unobserved: new Map<string, string>(), lost: new Set<string>() };

/** Ends operations, and says on containers that they are parked, without the ordinary work. */
export function createContainerWard(deps: ContainerCycleDeps): Ward {
  return {
    async endOperation(held, hints, trouble) {
      for (;;) {
        held.signal.throwIfAborted();
        const step = await giveUpStep(deps, held, hints, trouble);
        if (step === null) return false;
        if (step.kind === 'COMPLETE_OPERATION') return true;
      }
    },
    async noted(lease, parked) {
      const containerId = idOf(lease);
      const loaded = await deps.work.load(lease, containerId);
      if (loaded === null) return null;
      // JSON leaves out what is undefined.
      return { containerId, state: { ...loaded.record.state, parked: parked ?? undefined } };
    },
  };
}

/** The step that was taken; null: there is nothing to give up. */
async function giveUpStep(
  deps: ContainerCycleDeps,
  held: HeldLease,
  hints: Hints,
  trouble: KnownTrouble,
): Promise<ActiveStep | null> {
  const loaded = await deps.work.load(held.lease, idOf(held.lease));
  if (loaded === null) return null;
  const view = viewOf(loaded, NOTHING_SEEN, held.lease, deps.policy);
  const step = planGivingUp(view, trouble);
  if (step === null) return null;
  await apply(step, contextOf(deps, held, hints, { loaded, view, step }));
  return step;
}

const idOf = ({ key }: Lease): string => key.slice('container/'.length);
