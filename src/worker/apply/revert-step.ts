import { CONTROL_PLANE, progressAt } from '../../domain/operation.js';
import type { Revert } from '../../reconciler/step.js';
import { reverting } from '../../reconciler/watch.js';
import { changeTo, type Outcome, type StepContext, stateOf } from './context.js';
import { lastLines } from './operation-steps.js';
import { transitionFields } from './tell.js';

/** The operation and what it leaves of the watch are one write: whoever dies before it leaves the death in the record, and after it nothing is left to do. */
export async function revert(step: Revert, context: StepContext): Promise<Outcome> {
  const { deps, lease, loaded, view } = context;
  const { id: containerId, folderId, state } = loaded.record;
  const logs = await lastLines(step.logsOf, context);
  const output = logs === '' ? '' : `; its last output:\n${logs}`;
  const operation = {
    id: deps.newId('operation'),
    kind: 'ROLLBACK',
    folderId,
    containerId,
    revisionId: step.revisionId,
    createdBy: CONTROL_PLANE,
    description: `Go back from revision ${state.activeRevisionId}: ${step.reason}${output}`,
    progress: progressAt('ADMIT', 0),
    result: null,
  } as const;
  const change = { ...changeTo(context, reverting(stateOf(context), view.now)), operation };
  const outcome = await deps.work.revert(lease, change);
  deps.log.warn(
    { ...transitionFields(context, { to: step.revisionId, outcome }), operation: operation.id },
    `the active revision died while it was watched: ${step.reason}`,
  );
  return 'AGAIN';
}
