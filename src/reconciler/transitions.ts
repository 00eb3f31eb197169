import type { ContainerState, Rollout } from '../domain/container-state.js';
import type { Failure } from '../domain/errors.js';
import type { InstanceRecord, InstanceRole } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { NEXT_ROUTE_VERSION } from '../domain/route.js';
import { change, changeAll } from './instance-transitions.js';
import { leftRole, sparedAfter } from './keep.js';
import type { ReconcilePolicy } from './view.js';
import { watchAfter } from './watch.js';

/** How soon, at the earliest and at the latest, placing is tried again while no host takes the candidate. */
const PLACE_RETRY_MS = { first: 500, last: 5_000 };

/*
 * What each step makes of the state, as far as the whole container is concerned; instance-transitions.ts has those of one instance.
 * All are pure; the worker stores the result in the same script as the step's other effects. `now` is Redis time.
 * A route version that the script assigns is written as NEXT_ROUTE_VERSION.
 */

/**
 * TAKE_OPERATION. Faults are forgotten, so that a repeated Delete has its whole budget. Whoever rolls back to what is active anyway stands by it: it is
 * stable from here on, whatever happens to it.
 */
export function operationTaken(state: ContainerState, operation: Operation, now: number): ContainerState {
  const { kind, revisionId } = operation;
  const meant = kind === 'ROLLBACK' && revisionId === state.activeRevisionId;
  const forgiven = { ...changeAll(state, forgive), generation: state.generation + 1 };
  const taken = meant ? { ...forgiven, stableRevisionId: revisionId, watch: null } : forgiven;
  const target = kind === 'START' && state.stopped ? state.activeRevisionId : revisionId;
  if ((kind !== 'DEPLOY' && kind !== 'ROLLBACK' && kind !== 'START') || target === null) return taken;
  const rollout: Rollout = {
    operationId: operation.id,
    kind,
    revisionId: target,
    formerRevisionId: state.activeRevisionId,
    order: null,
    startedAt: now,
    switchedVersion: null,
    holdVersion: null,
    failure: null,
    undoneAt: null,
    blocked: null,
    note: '',
  };
  return { ...taken, rollout };
}

/** The port that a kept one was made for may be free by now. */
const forgive = ({ role, avoidPorts }: InstanceRecord) => ({
  fault: null,
  avoidPorts: role === 'RETAINED' ? [] : avoidPorts,
});

/** What placement decided for a new instance, in the terms of its record. */
export interface NewInstance {
  readonly id: string;
  readonly revisionId: string;
  readonly ordinal: number;
  readonly host: string;
  readonly address: string;
  readonly gpuUuids: readonly string[];
  readonly port: number | null;
}

/** How a candidate begins, whether it is new or was retained: what an instance went through before does not count. */
const UNTRIED = {
  role: 'CANDIDATE',
  avoidPorts: [],
  startedAt: null,
  engineStartedAt: null,
  healthyAt: null,
  drainVersion: null,
  drainDeadline: null,
  failed: null,
  restarts: 0,
  fault: null,
} as const satisfies Partial<InstanceRecord>;

/** A record for `placed` or `stopFirstChosen`: nothing is on the host yet. */
export function newCandidate(instance: NewInstance, now: number): InstanceRecord {
  return {
    ...instance,
    ...UNTRIED,
    leased: false,
    imageReady: false,
    createIntended: false,
    created: false,
    unseen: null,
    changedAt: now,
  };
}

/**
 * PLACE_INSTANCE, start-first: `candidate` (new, or a retained instance of the state) holds its leases from here on.
 * To be written by the script that takes the devices. `note` as in Rollout.
 */
export function placed(state: ContainerState, candidate: InstanceRecord, note: string, now: number): ContainerState {
  return withCandidate(
    withRollout(state, { order: 'START_FIRST', blocked: null, note }),
    { ...candidate, leased: true },
    now,
  );
}

/**
 * PLACE_INSTANCE, stop-first: `candidate` (new, or retained) is to have the host, devices and port of the serving instance, but leases
 * nothing yet. Nothing is stopped before its image is there. `note` as in Rollout.
 */
export function stopFirstChosen(
  state: ContainerState,
  candidate: InstanceRecord,
  note: string,
  now: number,
): ContainerState {
  return withCandidate(
    withRollout(state, { order: 'STOP_FIRST', blocked: null, note }),
    { ...candidate, leased: false },
    now,
  );
}

/** RECALL_INSTANCE. It keeps leases and start, but has to be found healthy anew before anything is sent to it. */
export function recalled(state: ContainerState, instanceId: string, now: number): ContainerState {
  const fresh = { drainVersion: null, drainDeadline: null, healthyAt: null, failed: null, restarts: 0 };
  const role: InstanceRole = 'CANDIDATE';
  const recalling = change(state, instanceId, { ...fresh, role, avoidPorts: [], fault: null, changedAt: now });
  return withRollout(recalling, { order: 'START_FIRST', blocked: null });
}

/**
 * PLACE_INSTANCE, no host takes it now: `message` says why, host by host. Tried again soon at first, then less often. `capacityVersion` was read
 * before the hosts were.
 */
export function blocked(state: ContainerState, message: string, now: number, capacityVersion: number): ContainerState {
  if (state.rollout === null) return state;
  const waited = now - state.rollout.startedAt;
  const delay = Math.min(Math.max(waited / 4, PLACE_RETRY_MS.first), PLACE_RETRY_MS.last);
  return withRollout(state, { blocked: { message, retryAt: now + Math.ceil(delay), capacityVersion } });
}

/** HOLD_ROUTE, with the route of `routeOf` on the result: serving instances become HELD, still running. */
export function held(state: ContainerState, now: number, drainTimeoutMs: number): ContainerState {
  const holding = changeAll(state, (instance) =>
    instance.role === 'SERVING' ? { role: 'HELD', avoidPorts: [], ...drainingFrom(now, drainTimeoutMs) } : {},
  );
  return { ...withRollout(holding, { holdVersion: NEXT_ROUTE_VERSION }), routed: [] };
}

/**
 * HAND_OVER_DEVICES and TAKE_DEVICES_BACK, with the script that moves the leases. The port is one of them: where its holder had to move to another
 * meanwhile, the next one has that.
 */
export function devicesMoved(state: ContainerState, from: string, to: string, now: number): ContainerState {
  const giver = state.instances.find((instance) => instance.id === from);
  const port = giver === undefined ? {} : { port: giver.port };
  return change(change(state, from, { leased: false, changedAt: now }), to, { ...port, leased: true, changedAt: now });
}

/**
 * BEGIN_STOP, with the route of `routeOf` on the result: nothing of it is to run from here on. Who stops what does not come up does not need to hear why
 * it did not.
 */
export function stopBegun(state: ContainerState, now: number, drainTimeoutMs: number): ContainerState {
  const leaving = changeAll(state, ({ role }) =>
    role === 'SERVING' ? { role: 'DRAINING', failed: null, ...drainingFrom(now, drainTimeoutMs) } : {},
  );
  const kept = state.instances.filter(({ role }) => role === 'SERVING').map(({ id }) => id);
  return { ...leaving, stopped: { since: now, kept }, routed: [], message: '', away: undefined };
}

/** SWITCH_REVISION, with the route of `routeOf` on the result. The candidate serves; whoever served drains. */
export function switched(
  state: ContainerState,
  now: number,
  { drainTimeoutMs, watchWindowMs }: Pick<ReconcilePolicy, 'drainTimeoutMs' | 'watchWindowMs'>,
): ContainerState {
  if (state.rollout === null) return state;
  const { kind, revisionId: activeRevisionId } = state.rollout;
  const spared = kind === 'START' ? sparedAfter(state) : undefined;
  const serving = changeAll(state, (instance) => {
    switch (instance.role) {
      case 'CANDIDATE':
        return { role: 'SERVING', avoidPorts: [], failed: null, restarts: 0, changedAt: now };
      case 'SERVING':
        return { role: 'DRAINING', ...drainingFrom(now, drainTimeoutMs) };
      case 'HELD':
        return { role: 'RETAINED', drainVersion: null, drainDeadline: null, changedAt: now };
      default:
        return {};
    }
  });
  const next = { ...withRollout(serving, { switchedVersion: NEXT_ROUTE_VERSION }), activeRevisionId };
  const watched = watchAfter(state, state.rollout, now, watchWindowMs);
  return { ...next, ...watched, stopped: undefined, spared, routed: targetsOf(next), message: '', away: undefined };
}

/**
 * MOVE_INSTANCE, with the script that takes the devices of `successor`. The former one may run yet, unseen: it is discarded, and stopped before
 * its host is used again. What it serves still it may serve until the successor does. The successor keeps its `restarts`, by which its start is paced.
 * The generation grows, by which a Redis that has forgotten the move is known.
 */
export function moved(
  state: ContainerState,
  formerId: string,
  successor: InstanceRecord,
  reason: string,
  now: number,
): ContainerState {
  const { restarts } = successor;
  const fresh: InstanceRecord = { ...successor, ...UNTRIED, restarts, role: 'SERVING', leased: true, changedAt: now };
  const gone = { role: 'DISCARDED', failed: reason, fault: null, changedAt: now } as const;
  const without = change(state, formerId, gone);
  const generation = state.generation + 1;
  return { ...without, generation, instances: [...without.instances, fresh], message: reason, away: undefined };
}

/** With the version that the script has put where NEXT_ROUTE_VERSION stood. */
export function numbered(state: ContainerState, version: number): ContainerState {
  const given = (known: number | null): number | null => (known === NEXT_ROUTE_VERSION ? version : known);
  const { rollout } = state;
  return {
    ...changeAll(state, ({ drainVersion }) => ({ drainVersion: given(drainVersion) })),
    rollout: rollout && {
      ...rollout,
      switchedVersion: given(rollout.switchedVersion),
      holdVersion: given(rollout.holdVersion),
    },
  };
}

/** UNDO_ROLLOUT. */
export function undone(state: ContainerState, failure: Failure, now: number): ContainerState {
  return withRollout(state, { failure, undoneAt: now, blocked: null });
}

/** PUBLISH_ROUTE, with the route of `routeOf` on the result. Held instances serve again, whether or not they could be restored. */
export function published(state: ContainerState, now: number): ContainerState {
  const serving = withRollout(
    changeAll(state, (instance) => (instance.role === 'HELD' ? servingAgain(now) : {})),
    { holdVersion: null },
  );
  const ill = serving.instances.find((instance) => instance.role === 'SERVING' && instance.healthyAt === null);
  const why = ill?.failed ?? ill?.fault?.message ?? 'it is not healthy yet';
  const message = ill === undefined ? '' : state.message || `the instance on ${ill.host} does not serve: ${why}`;
  return { ...serving, routed: targetsOf(serving), message };
}

/** COMPLETE_OPERATION. Whatever an abandoned rollout left is put where steady state deals with it. */
export function completed(state: ContainerState, now: number): ContainerState {
  const settled = changeAll(state, (instance) => {
    if (instance.role === 'CANDIDATE') return { role: leftRole(state, instance.id), changedAt: now };
    return instance.role === 'HELD' ? servingAgain(now) : {};
  });
  return { ...settled, rollout: null };
}

/** Ids of the instances that requests may go to. */
export function targetsOf(state: ContainerState): readonly string[] {
  return state.instances
    .filter((instance) => instance.role === 'SERVING' && instance.healthyAt !== null && instance.port !== null)
    .map((instance) => instance.id);
}

/** From a route on, whose version its script assigns, that leads to it no more. */
const drainingFrom = (now: number, drainTimeoutMs: number) =>
  ({ drainVersion: NEXT_ROUTE_VERSION, drainDeadline: now + drainTimeoutMs, changedAt: now }) as const;

const servingAgain = (now: number) =>
  ({ role: 'SERVING' satisfies InstanceRole, drainVersion: null, drainDeadline: null, changedAt: now }) as const;

function withRollout(state: ContainerState, part: Partial<Rollout>): ContainerState {
  return state.rollout === null ? state : { ...state, rollout: { ...state.rollout, ...part } };
}

function withCandidate(state: ContainerState, candidate: InstanceRecord, now: number): ContainerState {
  const others = state.instances.filter((instance) => instance.id !== candidate.id);
  const fresh: InstanceRecord = { ...candidate, ...UNTRIED, changedAt: now };
  return { ...state, instances: [...others, fresh] };
}
