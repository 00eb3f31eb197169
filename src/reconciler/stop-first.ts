import type { Rollout } from '../domain/container-state.js';
import type { InstanceRecord } from '../domain/instance.js';
import { type Advance, attempt, awaitHost, awaitRemoval } from './bring-up.js';
import { isDrained } from './ingress-acks.js';
import { isGoing, isUp, observedOf, POLL_MS } from './presence.js';
import type { Step } from './step.js';
import { mayRunUnseen, runsUnseen } from './unseen.js';
import type { ContainerView, HostedInstance } from './view.js';

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
  const observed = observedOf(view, former);
  if (isGoing(observed)) return awaitRemoval(view, former, observed, rollout.startedAt);
  if (observed !== undefined && isUp(observed)) return stopFormer(view, former, observed, rollout);
  if (mayRunUnseen(view, former)) return { kind: 'FAILED', failure: runsUnseen(former, observed), logsOf: null };
  const handOver: Step = { kind: 'HAND_OVER_DEVICES', fromInstanceId: former.id, toInstanceId: candidate.id };
  return { kind: 'STEP', step: handOver };
}

function stopFormer(view: ContainerView, former: InstanceRecord, { name }: HostedInstance, rollout: Rollout): Advance {
  const { drainVersion, drainDeadline } = former;
  const deadline = drainDeadline ?? view.now;
  if (drainVersion !== null && view.now < deadline && !isDrained(view, former.id, drainVersion)) {
    return wait(Math.min(deadline, view.now + POLL_MS), 'the former instance finishes its requests');
  }
  return attempt(view, former, { kind: 'STOP_CONTAINER', instanceId: former.id, name }, rollout.startedAt);
}

const wait = (until: number, reason: string): Advance => ({ kind: 'STEP', step: { kind: 'WAIT', until, reason } });

const NOTHING_TO_HAND_OVER = {
  code: 'FAILED_PRECONDITION',
  reason: 'NOTHING_TO_HAND_OVER',
  message: 'the former instance holds no devices any more that could be handed over',
  metadata: { step: 'PLACE' },
} as const;
