import type { InstanceRecord } from '../domain/instance.js';
import { isConfirmedDown } from './bring-down.js';
import { GPU_GONE } from './gone-gpu.js';
import { awaitDrained } from './ingress-acks.js';
import { isSpared, keptUntil, leftRole } from './keep.js';
import { isGoing, isUnknown, isUp, observedOf, POLL_MS, paced } from './presence.js';
import { keepServing } from './serving.js';
import type { Step, Wait } from './step.js';
import { planUnaccounted } from './takeover.js';
import { targetsOf } from './transitions.js';
import { mayRunUnseen, waitForEnd } from './unseen.js';
import type { ContainerView, HostedInstance } from './view.js';
import { planRevert } from './watch.js';

const UNREACHABLE_POLL_MS = 5_000;
/** Whoever sees a lost host return makes its containers due. */
const LOST_POLL_MS = 30_000;

type Plan = (view: ContainerView, instance: InstanceRecord) => Step | null;

/** What goes on between operations and while one can only wait; the most urgent first. WAIT: nothing to do now. */
export function planSteady(view: ContainerView): Step {
  let rest: Wait = QUIET;
  for (const step of concerns(view)) {
    if (step === null) continue;
    if (step.kind !== 'WAIT') return step;
    rest = sooner(rest, step) === step.until ? step : rest;
  }
  return rest;
}

const QUIET: Wait = { kind: 'WAIT', until: null, reason: 'nothing to do' };

/** When the first of two waits ends. */
export function sooner(one: Wait, other: Wait): number | null {
  if (one.until === null || other.until === null) return one.until ?? other.until;
  return Math.min(one.until, other.until);
}

function* concerns(view: ContainerView): Generator<Step | null> {
  // A container whose Delete failed is not brought to life again.
  const wanted = view.status !== 'DELETING';
  if (wanted) yield planRevert(view);
  if (wanted) yield* ofRole(view, 'SERVING', keepServing);
  if (wanted) yield* moveFromLost(view);
  yield refreshRoute(view);
  if (!wanted && view.running === null) yield* ofRole(view, 'SERVING', leaveDown);
  if (view.state.rollout === null) yield* abandoned(view);
  yield* ofRole(view, 'DRAINING', drain);
  yield* ofRole(view, 'RETAINED', retain);
  yield* ofRole(view, 'DISCARDED', discard);
  yield discardSurplus(view);
  yield planUnaccounted(view, false);
  yield noteAway(view);
  yield unreachableHosts(view);
}

function* ofRole(view: ContainerView, role: InstanceRecord['role'], plan: Plan): Generator<Step | null> {
  for (const instance of view.state.instances) {
    if (instance.role === role && !isUnknown(view, instance)) yield plan(view, instance);
  }
}

/** Once for each time that its host is lost, since why it does not answer changes from look to look, until it answers. */
function noteAway(view: ContainerView): Step | null {
  const away = view.state.instances.find((one) => one.role === 'SERVING' && isUnknown(view, one));
  const said = view.state.away !== undefined;
  if (away === undefined) return said ? { kind: 'NOTE_AWAY', away: null } : null;
  if (said || !view.lost.has(away.host)) return null;
  const why = view.unobserved.get(away.host);
  const text = `host ${away.host} cannot be reached, so that nothing is known of the instance there: ${why}`;
  return { kind: 'NOTE_AWAY', away: text };
}

/** What is on them may be anything by now; nobody else may tell when they answer again. */
function unreachableHosts(view: ContainerView): Step | null {
  const away = view.state.instances.filter((instance) => isUnknown(view, instance));
  const [first] = away;
  if (first === undefined) return null;
  const pollMs = away.every(({ host }) => view.lost.has(host)) ? LOST_POLL_MS : UNREACHABLE_POLL_MS;
  return { kind: 'WAIT', until: view.now + pollMs, reason: `host ${first.host} cannot be reached` };
}

/** Between rollouts, which have deadlines of their own for a host that is away. */
function* moveFromLost(view: ContainerView): Generator<Step | null> {
  if (view.state.rollout !== null) return;
  const isLeft = (host: string) => view.gone.has(host) || (view.policy.moveFromLost && view.lost.has(host));
  for (const instance of view.state.instances) {
    const known = view.revisions.has(instance.revisionId);
    if (instance.role !== 'SERVING' || !known || !isLeft(instance.host)) continue;
    const move: Step = { kind: 'MOVE_INSTANCE', instanceId: instance.id };
    // A look for another GPU is paced by how often it was started in vain, which is of no account now.
    yield instance.fault?.reason === GPU_GONE ? move : paced(view, instance, move);
  }
}

/** A held route is the rollout's to publish. */
function refreshRoute(view: ContainerView): Step | null {
  const { state } = view;
  if (state.rollout !== null && state.rollout.holdVersion !== null) return null;
  const targets = targetsOf(state);
  // Only its engine may be dead: the former one is called for as long as there is no other.
  const movedAway = (id: string) => state.instances.some((one) => one.id === id && view.lost.has(one.host));
  if (targets.length === 0 && state.routed.length > 0 && state.routed.every(movedAway)) return null;
  const same = targets.length === state.routed.length && targets.every((id) => state.routed.includes(id));
  return same ? null : { kind: 'PUBLISH_ROUTE' };
}

/** Left by an operation that was ended from outside. */
function* abandoned(view: ContainerView): Generator<Step | null> {
  for (const { id, role } of view.state.instances) {
    if (role === 'CANDIDATE') yield setRole(id, leftRole(view.state, id), 'its rollout was abandoned');
    if (role === 'HELD') yield setRole(id, 'SERVING', '');
  }
}

/** Of a Delete that failed or was cancelled: what has stopped is not started again, and holds nothing. What runs waits for the next Delete. */
function leaveDown(view: ContainerView, instance: InstanceRecord): Step | null {
  return isConfirmedDown(view, instance) ? setRole(instance.id, 'DISCARDED', 'its container is being deleted') : null;
}

/** A former instance: finishes its requests, is perhaps kept for a rollback, then stops and is retained. */
export function drain(view: ContainerView, instance: InstanceRecord): Step {
  const observed = observedOf(view, instance);
  const finishing = awaitDrained(view, instance, observed);
  if (finishing !== null) return finishing;
  const kept = isUp(observed) ? keptUntil(view, instance) : null;
  if (kept !== null) return { kind: 'WAIT', until: kept, reason: 'a former instance is kept for a rollback' };
  return putToRest(view, instance, observed) ?? setRole(instance.id, observed ? 'RETAINED' : 'DISCARDED', '');
}

function retain(view: ContainerView, instance: InstanceRecord): Step | null {
  const observed = observedOf(view, instance);
  const rest = putToRest(view, instance, observed);
  if (rest !== null || observed !== undefined) return rest;
  return setRole(instance.id, 'DISCARDED', '');
}

function discard(view: ContainerView, instance: InstanceRecord): Step | null {
  const observed = observedOf(view, instance);
  const rest = putToRest(view, instance, observed);
  if (rest !== null) return rest;
  if (mayRunUnseen(view, instance)) return waitForEnd(instance);
  if (observed === undefined) return { kind: 'FORGET_INSTANCE', instanceId: instance.id };
  const { host, name } = observed;
  const reason = instance.failed ?? 'it is not kept';
  return paced(view, instance, { kind: 'REMOVE_CONTAINER', host, instanceId: instance.id, name, reason });
}

/** Stops it and ends its leases. Null: it rests. */
function putToRest(view: ContainerView, instance: InstanceRecord, observed: HostedInstance | undefined): Step | null {
  if (isGoing(observed)) return { kind: 'WAIT', until: view.now + POLL_MS, reason: 'a container is being removed' };
  if (observed !== undefined && isUp(observed)) {
    return paced(view, instance, { kind: 'STOP_CONTAINER', instanceId: instance.id, name: observed.name });
  }
  if (!instance.leased || !isConfirmedDown(view, instance)) return null;
  return { kind: 'FREE_DEVICES', instanceId: instance.id };
}

/**
 * The newest stay, and before them the newest of the last stable revision, or where that one serves, the newest that did not fail; none that the
 * present rollout or the next Start might start.
 */
function discardSurplus({ state, policy }: ContainerView): Step | null {
  const retained = state.instances
    .filter(({ role, revisionId }) => role === 'RETAINED' && revisionId !== state.rollout?.revisionId)
    .filter(({ id }) => !isSpared(state, id))
    .sort((one, other) => other.changedAt - one.changedAt);
  const stable = retained.find(({ revisionId }) => revisionId === state.stableRevisionId);
  const best = stable ?? retained.find(({ failed }) => failed === null);
  const kept = [...(best ? [best] : []), ...retained.filter((instance) => instance !== best)];
  const surplus = kept.slice(policy.retainedInstances).at(-1);
  return surplus === undefined ? null : setRole(surplus.id, 'DISCARDED', '');
}

function setRole(instanceId: string, role: InstanceRecord['role'], reason: string): Step {
  return { kind: 'SET_ROLE', instanceId, role, reason };
}
