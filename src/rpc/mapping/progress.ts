import { Progress_Step, type Progress as ProgressMessage } from '../../../gen/ts/longshore/containers/v1/progress.js';
import { RolloutOrder } from '../../../gen/ts/longshore/containers/v1/rollout.js';
import type { Progress, ProgressStep } from '../../domain/operation.js';
import { ROLLOUT_ORDER } from './revision.js';

const STEP: Readonly<Record<ProgressStep, Progress_Step>> = {
  ADMIT: Progress_Step.STEP_ADMIT,
  PLACE: Progress_Step.STEP_PLACE,
  PULL: Progress_Step.STEP_PULL,
  CREATE: Progress_Step.STEP_CREATE,
  START: Progress_Step.STEP_START,
  HEALTHY: Progress_Step.STEP_HEALTHY,
  SWITCH: Progress_Step.STEP_SWITCH,
  DONE: Progress_Step.STEP_DONE,
  DRAIN: Progress_Step.STEP_DRAIN,
  RETIRE: Progress_Step.STEP_RETIRE,
  STOP: Progress_Step.STEP_STOP,
  REMOVE: Progress_Step.STEP_REMOVE,
  RESTORE: Progress_Step.STEP_RESTORE,
};

export function toProgress(progress: Progress): ProgressMessage {
  return {
    step: STEP[progress.step],
    percent: Math.round(progress.percent),
    bytesDone: BigInt(progress.bytesDone),
    bytesTotal: BigInt(progress.bytesTotal),
    rolloutOrder:
      progress.rolloutOrder === null ? RolloutOrder.ROLLOUT_ORDER_UNSPECIFIED : ROLLOUT_ORDER[progress.rolloutOrder],
    message: progress.message,
  };
}
