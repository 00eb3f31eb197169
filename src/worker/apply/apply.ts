import { EngineError } from '../../engine/driver.js';
import { awayNoted, exited } from '../../reconciler/instance-transitions.js';
import type { Halt, NoteAway, NoteExit, Step, Wait } from '../../reconciler/step.js';
import { type Outcome, record, type StepContext, stateOf } from './context.js';
import * as engine from './engine-steps.js';
import { movePort } from './move-port-step.js';
import { moveInstance } from './move-step.js';
import * as operation from './operation-steps.js';
import * as placement from './placement-steps.js';
import { probeInstance } from './probe-step.js';
import { revert } from './revert-step.js';
import * as route from './route-steps.js';
import { tell } from './tell.js';

/** A step that changes something. */
export type ActiveStep = Exclude<Step, Wait | Halt>;

/** Applies one step, and nothing but it. Fails with EngineError, LeaseLostError, or UNAVAILABLE of the store. */
export function apply(step: ActiveStep, context: StepContext): Promise<Outcome> {
  switch (step.kind) {
    case 'TAKE_OPERATION':
      return operation.takeOperation(step, context);
    case 'UNDO_ROLLOUT':
      return operation.undoRollout(step, context);
    case 'COMPLETE_OPERATION':
      return operation.completeOperation(step, context);
    case 'REMOVE_RECORDS':
      return operation.removeRecords(step, context);
    case 'RENAME_CONTAINER':
      return engine.renameContainer(step, context);
    case 'REMOVE_CONTAINER':
      return engine.removeContainer(step, context);
    case 'PULL_IMAGE':
      return engine.pullImage(step, context);
    case 'CREATE_CONTAINER':
      return engine.createContainer(step, context);
    case 'START_CONTAINER':
      return engine.startContainer(step, context);
    case 'STOP_CONTAINER':
      return engine.stopContainer(step, context);
    case 'PROBE_INSTANCE':
      return probeInstance(step, context);
    case 'PLACE_INSTANCE':
      return placement.placeInstance(step, context);
    case 'RECALL_INSTANCE':
      return placement.recallInstance(step, context);
    case 'MOVE_PORT':
      return movePort(step, context);
    case 'MOVE_INSTANCE':
      return moveInstance(step, context);
    case 'HAND_OVER_DEVICES':
      return placement.handOverDevices(step, context);
    case 'TAKE_DEVICES_BACK':
      return placement.takeDevicesBack(step, context);
    case 'FREE_DEVICES':
      return placement.freeDevices(step, context);
    case 'SET_ROLE':
      return placement.setRole(step, context);
    case 'FORGET_INSTANCE':
      return placement.forgetInstance(step, context);
    case 'NOTE_EXIT':
      return noteExit(step, context);
    case 'NOTE_AWAY':
      return noteAway(step, context);
    case 'REVERT':
      return revert(step, context);
    case 'HOLD_ROUTE':
      return route.holdRoute(context);
    case 'BEGIN_STOP':
      return route.beginStop(context);
    case 'PUBLISH_ROUTE':
      return route.publishRoute(context);
    case 'SWITCH_REVISION':
      return route.switchRevision(step, context);
    default:
      return step satisfies never;
  }
}

async function noteExit(step: NoteExit, context: StepContext): Promise<Outcome> {
  const outcome = await record(context, exited(stateOf(context), step, context.view.now));
  tell(context, 'an instance does not run', { instance: step.instanceId, reason: step.reason });
  return outcome;
}

async function noteAway({ away }: NoteAway, context: StepContext): Promise<Outcome> {
  const outcome = await record(context, awayNoted(stateOf(context), away));
  tell(context, away === null ? 'the host of what serves answers again' : 'the host of what serves is away', {
    reason: away ?? undefined,
  });
  return outcome;
}

/** The instance whose record takes the fault of a step; null for steps that touch no engine. */
export function instanceIdOf(step: ActiveStep): string | null {
  return 'instanceId' in step ? step.instanceId : null;
}

/** What a failed call to an engine means for the step: its outcome may be unknown, which the next holder of the key must hear. */
export function faultOf(error: EngineError): {
  readonly kind: 'TRANSIENT' | 'PERMANENT' | 'UNREACHABLE';
  readonly outcomeKnown: boolean;
} {
  switch (error.kind) {
    case 'PERMANENT':
      return { kind: 'PERMANENT', outcomeKnown: true };
    case 'UNREACHABLE':
      return { kind: 'UNREACHABLE', outcomeKnown: true };
    case 'UNKNOWN_OUTCOME':
      return { kind: 'TRANSIENT', outcomeKnown: false };
    case 'TRANSIENT':
    case 'NOT_FOUND':
    case 'CONFLICT':
      return { kind: 'TRANSIENT', outcomeKnown: true };
    default:
      return error.kind satisfies never;
  }
}
