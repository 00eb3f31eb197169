import type { InstanceRecord } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { type Advance, DONE, mostUrgent, step } from './advance.js';
import { bringDown } from './bring-down.js';
import { cancelled } from './failures.js';
import { awaitDrained } from './ingress-acks.js';
import { isUp, observedOf } from './presence.js';
import { complete, type Step } from './step.js';
import type { ContainerView } from './view.js';

/**
 * Lets nobody in any more, lets the requests under way finish, stops and frees; the instance is kept. What cannot be confirmed within the deadlines is
 * left to steady state, which goes on to stop it, and the operation says so.
 */
export function planStop(view: ContainerView, running: Operation): Step {
  const { state, deleteRequested } = view;
  // All that is left to do a Delete does as well, and at once.
  if (deleteRequested) return complete(running, cancelled(running, 'because its container is being deleted'));
  if (state.activeRevisionId === null) return complete(running, null);
  const { stopped } = state;
  if (stopped === undefined)
    return running.cancelRequested ? complete(running, cancelled(running, 'on request')) : BEGIN_STOP;
  const advance = mostUrgent(state.instances.map((instance) => putDown(view, instance, stopped.since)));
  switch (advance.kind) {
    case 'STEP':
      return advance.step;
    case 'FAILED':
      return complete(running, advance.failure);
    case 'DONE':
      return complete(running, null);
  }
}

const BEGIN_STOP: Step = { kind: 'BEGIN_STOP' };

function putDown(view: ContainerView, instance: InstanceRecord, since: number): Advance {
  const { id: instanceId, role, leased } = instance;
  const observed = observedOf(view, instance);
  const rests = !leased && role !== 'DRAINING' && !isUp(observed);
  if (rests) return DONE;
  const finishing = awaitDrained(view, instance, observed);
  if (finishing !== null) return step(finishing);
  const down = bringDown(view, instance, since);
  if (down.kind !== 'DONE') return down;
  if (leased) return step({ kind: 'FREE_DEVICES', instanceId });
  if (role !== 'DRAINING') return DONE;
  return step({ kind: 'SET_ROLE', instanceId, role: observed ? 'RETAINED' : 'DISCARDED', reason: '' });
}
