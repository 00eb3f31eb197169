import type { InstanceRecord } from '../domain/instance.js';
import { paced } from './presence.js';
import type { Step } from './step.js';
import type { ContainerView } from './view.js';

/** What engines say of a start with a GPU that is not there, and so the reason of a move for it that found no room. */
export const GPU_GONE = 'GPU_GONE';

/** Starts since the instance last lived, those of the ones that it replaced included: its driver may only be being loaded. */
const STARTS_BEFORE = 3;

/**
 * An instance that is down, and whose engine says start after start that its GPU is not there, is replaced where there is another one. Where there is no
 * room it is started in place once before the next look for some: its GPU may be back. Null: it is to be started where it is.
 */
export function leaveGpu(view: ContainerView, instance: InstanceRecord): Step | null {
  const { fault, restarts, unseen, revisionId } = instance;
  if (fault?.reason !== GPU_GONE) return null;
  const move = paced(view, instance, { kind: 'MOVE_INSTANCE', instanceId: instance.id });
  if (fault.step === 'MOVE_INSTANCE') return move.kind === 'WAIT' ? move : null;
  const tried = fault.step === 'START_CONTAINER' && fault.retryAt <= view.now && restarts >= STARTS_BEFORE;
  // Beside one that may run unseen no other must run, and a rollout is about to replace it anyway.
  const movable = unseen === null && view.state.rollout === null && view.revisions.has(revisionId);
  return tried && movable ? move : null;
}
