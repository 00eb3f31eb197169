import type { InstanceRecord } from '../../domain/instance.js';
import type { Operation } from '../../domain/operation.js';
import { transitionOf } from '../transition-fields.js';
import { type StepContext, stateOf } from './context.js';

interface About {
  /** What the transition is about; an instance's id where its record is the state's. */
  readonly instance?: InstanceRecord | string | undefined;
  /** Where it is not the running operation's. */
  readonly operation?: Operation | undefined;
  readonly [more: string]: unknown;
}

/** The one line that a transition is told with, after it was written. */
export function tell(context: StepContext, message: string, about: About = {}): void {
  context.deps.log.info(transitionFields(context, about), message);
}

export function transitionFields(context: StepContext, { instance: named, operation, ...more }: About): object {
  const { view, lease } = context;
  const running = operation ?? view.running;
  const instance = typeof named === 'string' ? stateOf(context).instances.find(({ id }) => id === named) : named;
  const ids = {
    operation: running?.id,
    container: view.containerId,
    revision: instance?.revisionId ?? running?.revisionId ?? view.state.activeRevisionId,
    instance: instance?.id ?? (typeof named === 'string' ? named : null),
    host: instance?.host,
  };
  return { ...transitionOf(lease, ids), ...more };
}
