import type { Rollout } from '../domain/container-state.js';
import type { Failure } from '../domain/errors.js';
import { type OperationKind, type Progress, type ProgressStep, progressAt } from '../domain/operation.js';
import type { Step } from './step.js';
import type { ContainerView } from './view.js';

type Mark = readonly [ProgressStep, number];
type Marks = Partial<Record<Step['kind'], Mark>>;

const PULL_PERCENT = { from: 10, to: 50 };

/** Forward. Stop-first passes through the drain and stop of the former instance between pull and create. */
const FORWARD: Marks = {
  TAKE_OPERATION: ['ADMIT', 1],
  PLACE_INSTANCE: ['PLACE', 5],
  RECALL_INSTANCE: ['PLACE', 5],
  PULL_IMAGE: ['PULL', PULL_PERCENT.from],
  HOLD_ROUTE: ['DRAIN', 52],
  STOP_CONTAINER: ['STOP', 55],
  HAND_OVER_DEVICES: ['PLACE', 58],
  MOVE_PORT: ['PLACE', 58],
  CREATE_CONTAINER: ['CREATE', 60],
  START_CONTAINER: ['START', 65],
  PROBE_INSTANCE: ['HEALTHY', 75],
  SWITCH_REVISION: ['SWITCH', 90],
};

/** Undoing where nothing was stopped: the percentage stays where the failure found it. */
const UNDO: Marks = { STOP_CONTAINER: ['STOP', 0], FREE_DEVICES: ['STOP', 0], SET_ROLE: ['RETIRE', 0] };

const RESTORE: Marks = {
  STOP_CONTAINER: ['RESTORE', 10],
  TAKE_DEVICES_BACK: ['RESTORE', 25],
  SET_ROLE: ['RESTORE', 30],
  PULL_IMAGE: ['RESTORE', 35],
  MOVE_PORT: ['RESTORE', 38],
  CREATE_CONTAINER: ['RESTORE', 40],
  START_CONTAINER: ['RESTORE', 50],
  PROBE_INSTANCE: ['RESTORE', 75],
  PUBLISH_ROUTE: ['RESTORE', 90],
};

const DELETION: Marks = {
  STOP_CONTAINER: ['STOP', 20],
  FREE_DEVICES: ['STOP', 40],
  REMOVE_CONTAINER: ['REMOVE', 60],
  FORGET_INSTANCE: ['REMOVE', 80],
};

const STOPPING: Marks = {
  BEGIN_STOP: ['DRAIN', 10],
  STOP_CONTAINER: ['STOP', 40],
  FREE_DEVICES: ['STOP', 70],
  SET_ROLE: ['RETIRE', 90],
};

/** What the running operation (or the one being taken) shows while `step` is done; null: the step is not the operation's. */
export function progressOf(step: Step, view: ContainerView): Progress | null {
  const { running } = view;
  if (step.kind === 'TAKE_OPERATION') return progressAt('ADMIT', 1);
  if (running === null) return null;
  const before = running.progress ?? progressAt('ADMIT', 0);
  if (step.kind === 'WAIT') return step.progress ?? null;
  if (step.kind === 'UNDO_ROLLOUT') return { ...before, message: step.failure.message };
  if (step.kind === 'COMPLETE_OPERATION' && step.failure !== null) {
    return ordered(failedAt(before, running.kind, step.failure), view);
  }
  if (step.kind === 'COMPLETE_OPERATION' || step.kind === 'REMOVE_RECORDS') {
    return ordered({ ...before, step: 'DONE', percent: 100, message: view.state.rollout?.note ?? '' }, view);
  }
  const mark = markOf(step, view);
  return mark === undefined ? null : ordered(further(before, mark), view);
}

/** The operation stays where it is and says what it waits for. */
export function waiting(view: ContainerView, reason: string): Progress | undefined {
  const before = view.running?.progress;
  return before === null || before === undefined ? undefined : ordered({ ...before, message: reason }, view);
}

/** Of the whole operation, while the image is pulled. */
export function pullPercent(bytesDone: number, bytesTotal: number): number {
  const { from, to } = PULL_PERCENT;
  if (bytesTotal <= 0) return from;
  return from + Math.floor((to - from) * Math.min(bytesDone / bytesTotal, 1));
}

function markOf(step: Step, view: ContainerView): Mark | undefined {
  if (view.running?.kind === 'DELETE') return DELETION[step.kind];
  if (view.running?.kind === 'STOP') return STOPPING[step.kind];
  const { rollout } = view.state;
  if (rollout === null || !isOfRollout(step, view)) return undefined;
  return marksOf(rollout)[step.kind];
}

function marksOf({ failure, holdVersion }: Rollout): Marks {
  if (failure === null) return FORWARD;
  return holdVersion === null ? UNDO : RESTORE;
}

/** A step of steady state may come between; it is about instances that the rollout does not touch. */
function isOfRollout(step: Step, { state }: ContainerView): boolean {
  if (!('instanceId' in step) || step.kind === 'RECALL_INSTANCE') return true;
  const instance = state.instances.find(({ id }) => id === step.instanceId);
  return instance?.role === 'CANDIDATE' || instance?.role === 'HELD';
}

function further(before: Progress, [step, percent]: Mark): Progress {
  const restarts = step === 'RESTORE' && before.step !== 'RESTORE';
  return { ...before, step, percent: restarts ? percent : Math.max(percent, before.percent), message: '' };
}

/** What was undone since is not where it failed. */
function failedAt(before: Progress, kind: OperationKind, { metadata }: Failure): Progress {
  const marks = Object.values(kind === 'DELETE' ? DELETION : kind === 'STOP' ? STOPPING : FORWARD);
  const [step, percent] = marks.find(([name]) => name === metadata?.step) ?? [before.step, before.percent];
  return { ...before, step, percent: before.step === 'RESTORE' ? percent : before.percent, message: '' };
}

/** Of a start there is nothing to choose. */
function ordered(progress: Progress, { state: { rollout } }: ContainerView): Progress {
  if (rollout?.kind === 'START') return progress;
  return { ...progress, rolloutOrder: rollout?.order ?? progress.rolloutOrder };
}
