import type { Operation } from '../domain/operation.js';
import { planDeletion } from './deletion.js';
import { nothingDeployed } from './failures.js';
import { waiting } from './progress.js';
import { planRollout } from './rollout.js';
import { planSteady, sooner } from './steady.js';
import { complete, type Step } from './step.js';
import { planStop } from './stop.js';
import { planHalt, planTakeover, setApart } from './takeover.js';
import type { ContainerView } from './view.js';

/**
 * The one thing to do now for a container, the most urgent first: what a take-over leaves in the way, the running operation, the next one, steady
 * state. Everything follows from the view, so that a process which dies after any step is followed by one that goes on from there.
 */
export function plan(view: ContainerView): Step {
  const halt = planHalt(view);
  if (halt !== null) return halt;
  const known = setApart(view);
  const takeover = planTakeover(known);
  if (takeover !== null) return takeover;
  const operation = planOperation(known);
  if (operation !== null && operation.kind !== 'WAIT') return operation;
  const steady = planSteady(known);
  if (operation === null || steady.kind !== 'WAIT') return steady;
  return { ...operation, until: sooner(operation, steady), progress: waiting(view, operation.reason) };
}

function planOperation(view: ContainerView): Step | null {
  const { running, queued } = view;
  if (running !== null) return planRunning(view, running);
  return queued === null ? null : { kind: 'TAKE_OPERATION', operationId: queued.id };
}

function planRunning(view: ContainerView, running: Operation): Step {
  const { rollout, activeRevisionId } = view.state;
  switch (running.kind) {
    case 'DELETE':
      return planDeletion(view, running);
    case 'STOP':
      return planStop(view, running);
    case 'START':
      if (rollout !== null) return planRollout(view, running, rollout);
      return complete(running, activeRevisionId === null ? nothingDeployed() : null);
    case 'DEPLOY':
    case 'ROLLBACK':
      if (rollout !== null) return planRollout(view, running, rollout);
      return { kind: 'HALT', reason: `operation ${running.id} runs, but the state knows of no rollout` };
    default:
      return complete(running, null);
  }
}
