import type { AccessBinding } from './access.js';
import type { Container } from './container.js';
import type { Failure } from './errors.js';
import type { Revision, RolloutOrder } from './revision.js';

/** The requests that return an Operation. The first three finish in their commit, the rest are completed by a worker. */
export type OperationKind =
  | 'UPDATE'
  | 'SET_ACCESS_BINDINGS'
  | 'UPDATE_ACCESS_BINDINGS'
  | 'CREATE'
  | 'DEPLOY'
  | 'ROLLBACK'
  | 'STOP'
  | 'START'
  | 'DELETE';

export const OPERATION_DESCRIPTION: Readonly<Record<OperationKind, string>> = {
  UPDATE: 'Update container',
  SET_ACCESS_BINDINGS: 'Set access bindings',
  UPDATE_ACCESS_BINDINGS: 'Update access bindings',
  CREATE: 'Create container',
  DEPLOY: 'Deploy revision',
  ROLLBACK: 'Rollback container',
  STOP: 'Stop container',
  START: 'Start container',
  DELETE: 'Delete container',
};

/** Who the operations are by that nobody asked for. */
export const CONTROL_PLANE = 'longshore';

/** What callers read as its description. */
export const descriptionOf = ({ kind, description }: Pick<Operation, 'kind' | 'description'>): string =>
  description ?? OPERATION_DESCRIPTION[kind];

/** Whether the control plane itself goes back from a revision that died. */
export const isRevert = ({ kind, description }: Pick<Operation, 'kind' | 'description'>): boolean =>
  kind === 'ROLLBACK' && description !== undefined;

/** QUEUED behind others of its container, RUNNING under a worker's lease, DONE for ever. */
export type OperationState = 'QUEUED' | 'RUNNING' | 'DONE';

/** A journal entry. What a caller reads as google.longrunning-like Operation is made from it at the edge. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly folderId: string;
  readonly containerId: string;
  /** The revision to deploy or to roll back to; null for the other kinds. */
  readonly revisionId: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Why the control plane does it; absent where a caller asked for it, so that its kind says all. */
  readonly description?: string;
  readonly modifiedAt: number;
  readonly state: OperationState;
  readonly cancelRequested: boolean;
  /** Null for kinds that touch no host. */
  readonly progress: Progress | null;
  /** Set exactly when `state` is DONE. */
  readonly result: OperationResult | null;
}

/** The response is a snapshot that never changes again, so it holds the resource and not a reference to it. */
export type OperationResult =
  | { readonly kind: 'ERROR'; readonly failure: Failure }
  | { readonly kind: 'CONTAINER'; readonly container: Container }
  | { readonly kind: 'REVISION'; readonly revision: Revision }
  | { readonly kind: 'EMPTY'; readonly bindings?: readonly AccessBinding[] };

export type ProgressStep =
  | 'ADMIT'
  | 'PLACE'
  | 'PULL'
  | 'CREATE'
  | 'START'
  | 'HEALTHY'
  | 'SWITCH'
  | 'DONE'
  | 'DRAIN'
  | 'RETIRE'
  | 'STOP'
  | 'REMOVE'
  | 'RESTORE';

/**
 * Where an operation is; of one that is done: DONE, or the step at which it failed. Percent never falls within one operation, but for a RESTORE,
 * which begins at 0, and for the end after it.
 */
export interface Progress {
  readonly step: ProgressStep;
  readonly percent: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** The order that the rollout took; null until it is decided. */
  readonly rolloutOrder: Exclude<RolloutOrder, 'AUTO'> | null;
  readonly message: string;
}

export function progressAt(step: ProgressStep, percent: number, message = ''): Progress {
  return { step, percent, bytesDone: 0, bytesTotal: 0, rolloutOrder: null, message };
}
