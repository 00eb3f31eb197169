import type { Rollout } from '../domain/container-state.js';
import type { InstanceRecord } from '../domain/instance.js';
import { type Advance, attempt, awaitHost } from './advance.js';
import { bringDown } from './bring-down.js';
import { awaitDrained } from './ingress-acks.js';
import { observedOf } from './presence.js';
import type { Step } from './step.js';
import type { ContainerView } from './view.js';

/**
 * Stop-first, up to the hand-over: PULL, then hold the route, drain and stop the former instance, and give its devices to the candidate, which
 * so far only waits for them. The image comes first, since a pull that fails must leave the former instance untouched.
 */
export function planHandOver(view: ContainerView, candidate: InstanceRecord, rollout: Rollout): Advance {
  const unknown = awaitHost(view, candidate, rollout.startedAt, 'PLACE');
  if (unknown !== null) return unknown;
  if (!candidate.imageReady) {
    return attempt(view, candidate, { kind: 'PULL_IMAGE', instanceId: candidate.id }, rollout.startedAt);
  }
  if (rollout.holdVersion === null) return { kind: 'STEP', step: { kind: 'HOLD_ROUTE' } };
  const former = view.state.instances.find((instance) => instance.role === 'HELD' && instance.leased);
  if (former === undefined) return { kind: 'FAILED', failure: NOTHING_TO_HAND_OVER, logsOf: null };
  const finishing = awaitDrained(view, former, observedOf(view, former));
  if (finishing !== null) return { kind: 'STEP', step: finishing };
  const down = bringDown(view, former, rollout.startedAt);
  if (down.kind !== 'DONE') return down;
  const handOver: Step = { kind: 'HAND_OVER_DEVICES', fromInstanceId: former.id, toInstanceId: candidate.id };
  return { kind: 'STEP', step: handOver };
}

const NOTHING_TO_HAND_OVER = {
  code: 'FAILED_PRECONDITION',
  reason: 'NOTHING_TO_HAND_OVER',
  message: 'the former instance holds no devices any more that could be handed over',
  metadata: { step: 'PLACE' },
} as const;
