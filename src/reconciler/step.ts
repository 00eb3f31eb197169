import type { Failure } from '../domain/errors.js';
import type { InstanceRole } from '../domain/instance.js';
import type { Operation, Progress } from '../domain/operation.js';

/**
 * One thing to do now. The planner returns it, the worker applies exactly it, observes again and plans again; nothing of a plan
 * outlives its step. Steps that touch Docker name the container by its observed name, which carries the fence.
 */
export type Step =
  | TakeOperation
  | RenameContainer
  | RemoveContainer
  | PlaceInstance
  | RecallInstance
  | HandOverDevices
  | MovePort
  | MoveInstance
  | PullImage
  | CreateContainer
  | StartContainer
  | StopContainer
  | ProbeInstance
  | HoldRoute
  | BeginStop
  | SwitchRevision
  | UndoRollout
  | SetRole
  | FreeDevices
  | TakeDevicesBack
  | NoteExit
  | NoteAway
  | Revert
  | ForgetInstance
  | PublishRoute
  | CompleteOperation
  | RemoveRecords
  | Wait
  | Halt;

/** Takes the oldest queued operation: it becomes RUNNING, the generation grows, a rollout begins. */
export interface TakeOperation {
  readonly kind: 'TAKE_OPERATION';
  readonly operationId: string;
}

/** After an unclean take-over: calls that a former holder sent by the old name get 404 from here on. */
export interface RenameContainer {
  readonly kind: 'RENAME_CONTAINER';
  readonly host: string;
  readonly instanceId: string;
  readonly name: string;
  readonly newName: string;
}

/** Removes a Docker container. The record of the instance, if any, stays. */
export interface RemoveContainer {
  readonly kind: 'REMOVE_CONTAINER';
  readonly host: string;
  readonly instanceId: string;
  readonly name: string;
  readonly reason: string;
}

/**
 * Asks the scheduler for a host, and records the candidate together with its leases; or decides for stop-first and records a candidate
 * that waits for the leases; or records why not yet.
 */
export interface PlaceInstance {
  readonly kind: 'PLACE_INSTANCE';
  readonly revisionId: string;
  readonly ordinal: number;
  /** A retained instance of that revision, to be started if exactly its devices can be leased. */
  readonly retainedInstanceId: string | null;
}

/** An instance of the revision that was being retired and has its devices still becomes the candidate, as it is. */
export interface RecallInstance {
  readonly kind: 'RECALL_INSTANCE';
  readonly instanceId: string;
}

/** Stop-first, once the former instance is confirmed stopped: its leases become the waiting candidate's, in one script. */
export interface HandOverDevices {
  readonly kind: 'HAND_OVER_DEVICES';
  readonly fromInstanceId: string;
  readonly toInstanceId: string;
}

/** Leases another port in the place of one that something else has. Only planned while the instance has no container. */
export interface MovePort {
  readonly kind: 'MOVE_PORT';
  readonly instanceId: string;
}

/**
 * Its host is lost, or has lost its GPU: another instance of its revision serves in its place, with devices of its own, and it is to be removed, at
 * once or when the host is back. Its own leases stay until then.
 */
export interface MoveInstance {
  readonly kind: 'MOVE_INSTANCE';
  readonly instanceId: string;
}

/** Makes sure that the host has the revision's image, and records what the image is. Nothing to pull is done at once. */
export interface PullImage {
  readonly kind: 'PULL_IMAGE';
  readonly instanceId: string;
}

/** Records the intent, then creates. */
export interface CreateContainer {
  readonly kind: 'CREATE_CONTAINER';
  readonly instanceId: string;
}

export interface StartContainer {
  readonly kind: 'START_CONTAINER';
  readonly instanceId: string;
  readonly name: string;
  /** A start by steady state, counted. */
  readonly restart: boolean;
}

export interface StopContainer {
  readonly kind: 'STOP_CONTAINER';
  readonly instanceId: string;
  readonly name: string;
}

/** Asks the instance whether it is healthy; records it if so. */
export interface ProbeInstance {
  readonly kind: 'PROBE_INSTANCE';
  readonly instanceId: string;
}

/** Stop-first: publishes a route that holds requests, and turns the serving instances to HELD. */
export interface HoldRoute {
  readonly kind: 'HOLD_ROUTE';
}

/** Stop: publishes a route that lets nobody in, and turns the serving instances to DRAINING; nothing of the container is to run from here on. */
export interface BeginStop {
  readonly kind: 'BEGIN_STOP';
}

/** The compare-and-set of the active revision, with the route's new version. */
export interface SwitchRevision {
  readonly kind: 'SWITCH_REVISION';
  readonly instanceId: string;
}

/** From here on the rollout is undone; `failure` is what its operation will end with. */
export interface UndoRollout {
  readonly kind: 'UNDO_ROLLOUT';
  readonly failure: Failure;
  readonly logsOf: string | null;
}

export interface SetRole {
  readonly kind: 'SET_ROLE';
  readonly instanceId: string;
  readonly role: InstanceRole;
  readonly reason: string;
}

/** Ends the leases of an instance. Only planned when Docker has confirmed that it does not run. */
export interface FreeDevices {
  readonly kind: 'FREE_DEVICES';
  readonly instanceId: string;
}

/** Stop-first undone: the leases go back to the held instance, in one script, once the candidate is confirmed stopped. */
export interface TakeDevicesBack {
  readonly kind: 'TAKE_DEVICES_BACK';
  readonly fromInstanceId: string;
  readonly toInstanceId: string;
}

/** A serving instance was found dead, gone or paused: callers see it, and back-off counts from here, before it is started again. */
export interface NoteExit {
  readonly kind: 'NOTE_EXIT';
  readonly instanceId: string;
  readonly reason: string;
  /** False where somebody merely holds it. */
  readonly died: boolean;
}

/** The host of a serving instance is lost, or answers again: callers see it. */
export interface NoteAway {
  readonly kind: 'NOTE_AWAY';
  /** Null: it does again. */
  readonly away: string | null;
}

/** The active revision died while it was watched: queues an operation of our own that goes back to the last stable one, unless another operation waits. */
export interface Revert {
  readonly kind: 'REVERT';
  /** The last stable one. */
  readonly revisionId: string;
  readonly reason: string;
  readonly logsOf: string | null;
}

/** Drops the record of an instance that has no container and no lease. */
export interface ForgetInstance {
  readonly kind: 'FORGET_INSTANCE';
  readonly instanceId: string;
}

/** The serving targets changed outside a switch (restored, restarted, moved): publishes them. */
export interface PublishRoute {
  readonly kind: 'PUBLISH_ROUTE';
}

/** Ends the running operation: with the rollout's failure, or as a success. */
export interface CompleteOperation {
  readonly kind: 'COMPLETE_OPERATION';
  readonly operationId: string;
  readonly failure: Failure | null;
}

export function complete({ id }: Operation, failure: Failure | null): CompleteOperation {
  return { kind: 'COMPLETE_OPERATION', operationId: id, failure };
}

/** Delete's end: nothing is on the hosts any more. Removes the records, frees the name, ends the operation. */
export interface RemoveRecords {
  readonly kind: 'REMOVE_RECORDS';
  readonly operationId: string;
}

/** Nothing to do before `until` (Redis time); null: nothing until something happens. `progress` is what the operation shows meanwhile. */
export interface Wait {
  readonly kind: 'WAIT';
  readonly until: number | null;
  readonly reason: string;
  readonly progress?: Progress;
  /** What is waited for does not happen on Docker. */
  readonly elsewhere?: boolean;
}

/** Docker knows more than Redis: nothing may be touched. Said loudly. */
export interface Halt {
  readonly kind: 'HALT';
  readonly reason: string;
}
