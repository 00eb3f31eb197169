import type { Trouble } from '../domain/trouble.js';
import { workFailed } from './failures.js';
import { type CompleteOperation, complete, type PublishRoute, type TakeOperation } from './step.js';
import type { ContainerView } from './view.js';

/**
 * The next step towards the end of an operation whose work fails time and again. None of them looks at Docker, nor at more of the record than it must:
 * any of that may be what fails. What the operation leaves is undone by steady state, as after one that was ended from outside. Null: no
 * operation runs or waits.
 */
export function planGivingUp(
  view: ContainerView,
  trouble: Pick<Trouble, 'count' | 'reason'>,
): TakeOperation | PublishRoute | CompleteOperation | null {
  const { running, queued } = view;
  if (running === null) return queued === null ? null : { kind: 'TAKE_OPERATION', operationId: queued.id };
  const { rollout } = view.state;
  // The switch is what the operation promised, and it has taken place.
  if (rollout !== null && rollout.switchedVersion !== null) return complete(running, null);
  if (rollout !== null && rollout.holdVersion !== null) return { kind: 'PUBLISH_ROUTE' };
  return complete(running, workFailed(running, trouble, rollout?.failure ?? null));
}
