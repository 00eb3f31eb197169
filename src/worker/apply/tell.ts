import type { InstanceRecord } from '../../domain/instance.js';
import type { Operation } from '../../domain/operation.js';
import { type StepContext, stateOf } from './context.js';

interface About {
  /** What the transition is about; an instance's id where its record is the state's. */
  readonly instance?: InstanceRecord | string | undefined;
  /** Where it is not the running operation's. */
  readonly operation?: Operation | undefined;
  readonly [more: string]: unknown;
}

/**
 * The one line that a transition is told with, after it was written. All lines have the same fields, null where one does not apply, so that whoever looks
 * for a container, a host or an operation finds everything that happened to it, in order of the fences.
 */
export function tell(context: StepContext, message: string, about: About = {}): void {
  context.deps.log.info(transitionFields(context, about), message);
}

export function transitionFields(context: StepContext, { instance: named, operation, ...more }: About): object {
  const { view, lease } = context;
  const running = operation ?? view.running;
  const instance = typeof named === 'string' ? stateOf(context).instances.find(({ id }) => id === named) : named;
  return {
    operation: running?.id ?? null,
    container: view.containerId,
    revision: instance?.revisionId ?? running?.revisionId ?? view.state.activeRevisionId,
    instance: instance?.id ?? (typeof named === 'string' ? named : null),
    host: instance?.host ?? null,
    fence: lease.fence,
    ...more,
  };
}
