import type { ContainerState } from '../domain/container-state.js';
import type { InstanceRecord, InstanceRole, StepFault } from '../domain/instance.js';
import type { NoteExit, Step } from './step.js';
import { died, provenIf } from './watch.js';

/** A serving instance that became healthy and lasted for so long starts again without back-off. */
const PROVEN_MS = 600_000;
/** More than the moves of a rollout. */
const MOST_AVOIDED = 8;
const FAULT_BACKOFF_MS = { first: 500, last: 60_000 };
const RESTART_BACKOFF_MS = { first: 1_000, last: 300_000 };

/** Changes one instance; an id that is not there changes nothing. */
export function change(state: ContainerState, instanceId: string, part: Partial<InstanceRecord>): ContainerState {
  return changeAll(state, (instance) => (instance.id === instanceId ? part : {}));
}

export function changeAll(
  state: ContainerState,
  changed: (instance: InstanceRecord) => Partial<InstanceRecord>,
): ContainerState {
  return { ...state, instances: state.instances.map((instance) => ({ ...instance, ...changed(instance) })) };
}

/**
 * PULL_IMAGE succeeded, or there was nothing to pull. What comes next is a create, so that is intended from here on. What creates met before goes on being
 * counted, or one that always fails would be tried for ever, since the image is looked for before each.
 */
export function pulled(state: ContainerState, instanceId: string, now: number): ContainerState {
  return changeAll(state, ({ id, fault }) => {
    if (id !== instanceId) return {};
    return { imageReady: true, createIntended: true, fault: fault && faultOfCreates(fault, now), changedAt: now };
  });
}

/** The time of a pull is not the create's. */
function faultOfCreates(fault: StepFault, now: number): StepFault | null {
  if (fault.step !== 'CREATE_CONTAINER') return null;
  return { ...fault, firstAt: fault.firstAt + Math.max(0, now - fault.retryAt) };
}

/** CREATE_CONTAINER, to be stored BEFORE Docker is asked, where it is not intended yet. */
export function createIntended(state: ContainerState, instanceId: string): ContainerState {
  return change(state, instanceId, { createIntended: true });
}

/** CREATE_CONTAINER succeeded, or what is there was adopted. */
export function created(state: ContainerState, instanceId: string, now: number): ContainerState {
  const still = { startedAt: null, engineStartedAt: null, healthyAt: null };
  const part = { ...still, created: true, unseen: null, fault: null, changedAt: now };
  return change(state, instanceId, part);
}

/**
 * START_CONTAINER succeeded. `engineStartedAt` is the engine's own text for this start as observed after it, or null where it could not be
 * read; `restart` as in the step: such starts are counted, for back-off.
 */
export function started(
  state: ContainerState,
  instanceId: string,
  how: { readonly engineStartedAt: string | null; readonly restart: boolean },
  now: number,
): ContainerState {
  return changeAll(state, (instance) => {
    if (instance.id !== instanceId) return {};
    const { engineStartedAt, restart } = how;
    const restarts = instance.restarts + (restart ? 1 : 0);
    const avoidPorts = instance.avoidPorts.filter((port) => port !== instance.port);
    const start = { startedAt: now, engineStartedAt, healthyAt: null, unseen: null, fault: null, changedAt: now };
    return { created: true, restarts, avoidPorts, ...start };
  });
}

/** STOP_CONTAINER succeeded. */
export function stopped(state: ContainerState, instanceId: string, now: number): ContainerState {
  const still = { startedAt: null, engineStartedAt: null, healthyAt: null };
  return change(state, instanceId, { ...still, unseen: null, fault: null, changedAt: now });
}

/**
 * PROBE_INSTANCE found it healthy. (Not yet healthy is a fault of kind TRANSIENT whose delay is the probe's interval.) `watchWindowMs`: how long a deployed
 * revision is watched.
 */
export function healthy(state: ContainerState, instanceId: string, now: number, watchWindowMs: number): ContainerState {
  const next = changeAll(state, ({ id, role, avoidPorts }) => {
    if (id !== instanceId) return {};
    const kept = role === 'SERVING' ? [] : avoidPorts;
    return { healthyAt: now, failed: null, fault: null, avoidPorts: kept, changedAt: now };
  });
  const ill = next.instances.some((instance) => instance.role === 'SERVING' && instance.healthyAt === null);
  return provenIf(ill ? next : { ...next, message: '' }, watchWindowMs);
}

/** NOTE_EXIT: the container's status message says it too, and when it is started again, which its instance may not live to see. */
export function exited(state: ContainerState, step: NoteExit, now: number): ContainerState {
  const { instanceId, reason } = step;
  const instance = state.instances.find(({ id }) => id === instanceId);
  if (instance === undefined) return state;
  const { revisionId, healthyAt, startedAt } = instance;
  const proven = healthyAt !== null && startedAt !== null && now - startedAt >= PROVEN_MS;
  const restarts = proven ? 0 : instance.restarts;
  const delayMs = step.died ? restartDelay(restarts) : 0;
  const starts = restarts === 1 ? 'a start' : `${restarts} starts`;
  const later = `; after ${starts} in short order it is started again in ${Math.round(delayMs / 1000)} s`;
  const message = delayMs === 0 ? reason : `${reason}${later}`;
  const part = { startedAt: null, engineStartedAt: null, healthyAt: null, failed: reason, restarts, changedAt: now };
  const watch = step.died ? died(state, revisionId, reason, now) : state.watch;
  return { ...change(state, instanceId, part), watch, message };
}

/** NOTE_AWAY. */
export function awayNoted(state: ContainerState, away: string | null): ContainerState {
  return { ...state, away: away ?? undefined };
}

/** Between an exit and the next start: each start that was not followed by a long healthy life makes the next one wait longer. */
export function restartDelay(restarts: number): number {
  return restarts === 0 ? 0 : backoff(restarts, RESTART_BACKOFF_MS);
}

/** SET_ROLE. `reason` is kept as why it failed, unless empty. */
export function roleSet(
  state: ContainerState,
  instanceId: string,
  role: InstanceRole,
  reason: string,
  now: number,
): ContainerState {
  const failed = reason === '' ? {} : { failed: reason };
  return change(state, instanceId, { role, drainVersion: null, drainDeadline: null, changedAt: now, ...failed });
}

/** FREE_DEVICES, with the script that ends the leases. */
export function devicesFreed(state: ContainerState, instanceId: string, now: number): ContainerState {
  return change(state, instanceId, { leased: false, changedAt: now });
}

/**
 * MOVE_PORT, with the script that leases the new port in the place of the old one, whose container is gone. The first move is no reason to wait;
 * each further one in a row waits longer, as starts do. The generation grows, by which a Redis that has forgotten the move is known.
 */
export function portMoved(state: ContainerState, instanceId: string, port: number, now: number): ContainerState {
  const next = { ...state, generation: state.generation + 1 };
  return changeAll(next, (instance) => {
    if (instance.id !== instanceId) return {};
    const unmade = { createIntended: false, created: false, startedAt: null, engineStartedAt: null, healthyAt: null };
    return { ...unmade, port, restarts: instance.avoidPorts.length - 1, fault: null, changedAt: now };
  });
}

/** FORGET_INSTANCE. */
export function forgotten(state: ContainerState, instanceId: string): ContainerState {
  return { ...state, instances: state.instances.filter((instance) => instance.id !== instanceId) };
}

export interface FaultOf {
  readonly step: Step['kind'];
  readonly kind: StepFault['kind'];
  /** As in StepFault; absent is null. */
  readonly reason?: string;
  /** The engine's words, shortened; free of secrets. */
  readonly message: string;
  /** Milliseconds until the next try; back-off by the count where it is absent. */
  readonly delayMs?: number;
  /** From 0 to 1, random: spreads tries that failed together. Absent: the whole back-off. */
  readonly jitter?: number;
}

/** A step on the instance failed. Counted together with what the same step met before. */
export function faulted(state: ContainerState, instanceId: string, fault: FaultOf, now: number): ContainerState {
  return changeAll(state, (instance) => {
    if (instance.id !== instanceId) return {};
    const before = instance.fault?.step === fault.step ? instance.fault : null;
    const count = (before?.count ?? 0) + 1;
    const recorded: StepFault = {
      step: fault.step,
      kind: fault.kind,
      reason: fault.reason ?? keptReason(instance, fault),
      message: fault.message,
      count,
      firstAt: before?.firstAt ?? now,
      retryAt: now + (fault.delayMs ?? backoff(count, FAULT_BACKOFF_MS, fault.jitter ?? 1)),
    };
    // The image may be what is missing: it is looked for once more.
    const missed = fault.step === 'CREATE_CONTAINER' && fault.kind === 'TRANSIENT';
    const imageReady = instance.imageReady && !missed;
    const restarts = instance.restarts + (fault.step === 'START_CONTAINER' && instance.role === 'SERVING' ? 1 : 0);
    const unseen = unseenAfter(instance, recorded);
    return { fault: recorded, imageReady, restarts, unseen, avoidPorts: avoided(instance, recorded) };
  });
}

/** Why a container is being removed must outlast a removal that fails. */
function keptReason({ fault: before }: InstanceRecord, { step }: FaultOf): string | null {
  return step === 'REMOVE_CONTAINER' && before?.reason === 'HALF_STARTED' ? before.reason : null;
}

/** Of the starts that fail, only that which shows that the program never began says that it does not run. */
function unseenAfter({ unseen }: InstanceRecord, { reason, message }: StepFault): string | null {
  if (reason === 'HALF_STARTED') return null;
  return reason === 'RUNS_UNSEEN' ? message : unseen;
}

function avoided({ port, avoidPorts }: InstanceRecord, { reason }: StepFault): readonly number[] {
  if (reason !== 'PORT_TAKEN' || port === null) return avoidPorts;
  return [...avoidPorts.filter((avoided) => avoided !== port), port].slice(-MOST_AVOIDED);
}

/** Doubles from the first to the last; jitter takes away up to half. */
export function backoff(count: number, bounds: { readonly first: number; readonly last: number }, jitter = 1): number {
  const whole = Math.min(bounds.first * 2 ** Math.min(count - 1, 30), bounds.last);
  return Math.ceil(whole * (0.5 + jitter / 2));
}
