import type { AccessBinding } from '../domain/access.js';
import type { ContainerRecord } from '../domain/container.js';
import type { HostRecord } from '../domain/host.js';
import type { Operation } from '../domain/operation.js';
import type { Revision } from '../domain/revision.js';

/**
 * What services read and commit. A commit is ONE script: resource, operation, idempotency record and work entry together, so that no
 * request can be lost between two steps. Each is safe to send twice: the operation's id makes the second one a reading.
 *
 * Every method fails with DomainError UNAVAILABLE (reason STORE_UNAVAILABLE) quickly while Redis is away; a commit whose outcome is unknown fails with
 * UNAVAILABLE, reason OUTCOME_UNKNOWN and `operation_id` in its metadata.
 */
export interface Records {
  createContainer(commit: Commit & { readonly container: NewContainer }): Promise<CommitOutcome>;
  /** Replaces what callers set, if `expectedVersion` still holds (else CHANGED: read again). `operation.result` is set: it is done at once. */
  updateContainer(commit: Commit & { readonly container: ContainerChange }): Promise<CommitOutcome>;
  /** Replaces the bindings if `expectedVersion` still holds; done at once. */
  setAccessBindings(
    commit: Commit & { readonly expectedVersion: number; readonly bindings: readonly AccessBinding[] },
  ): Promise<CommitOutcome>;
  /**
   * Deploy (with its new revision, CREATING), rollback (revision null, `operation.revisionId` must be one of the container's and not CREATING) or delete.
   * Their folder is the container's.
   */
  submit(submission: Submission): Promise<CommitOutcome>;
  /**
   * Queued: ends it as CANCELLED. Running: asks its worker. Done: changes nothing; nor does it for a queued Create, whose container could never
   * become ACTIVE. A cancelled Delete leaves its container DELETING, as a failed one does. Null: no such operation.
   */
  cancel(operationId: string): Promise<Operation | null>;

  /**
   * What a commit with this idempotency record would answer without committing anything: REPEATED, KEY_REUSED, or null where the key is new. Services ask
   * it before they look at the present, so that a repeated request gets its operation although the container, say, is gone.
   */
  repeated(idempotency: Idempotency): Promise<RepeatOutcome | null>;

  container(id: string): Promise<ContainerRecord | null>;
  /** Bindings and the version that a change of them must expect; null: no such container. */
  accessBindings(
    containerId: string,
  ): Promise<{ readonly version: number; readonly bindings: readonly AccessBinding[] } | null>;
  revision(id: string): Promise<Revision | null>;
  operation(id: string): Promise<Operation | null>;
  /** All that are known, as of `withinMs` ago at most; 0: as of a moment after the call. */
  hosts(withinMs: number): Promise<readonly HostRecord[]>;

  /** Newest first. Costs what the page costs, however long the list. */
  containers(query: ListQuery<ContainerIndex>): Promise<Page<ContainerRecord>>;
  revisions(query: ListQuery<RevisionIndex>): Promise<Page<Revision>>;
  operations(query: ListQuery<OperationIndex>): Promise<Page<Operation>>;
}

/** What every commit carries. Times of the operation are filled in by the store, from Redis. */
export interface Commit {
  readonly operation: NewOperation;
  readonly idempotency: Idempotency | null;
}

export interface Submission {
  readonly operation: Omit<NewOperation, 'folderId'>;
  readonly idempotency: Idempotency | null;
  readonly revision: Omit<NewRevision, 'folderId'> | null;
}

export type NewOperation = Omit<Operation, 'createdAt' | 'modifiedAt' | 'state' | 'cancelRequested'>;
export type NewContainer = Pick<ContainerRecord, 'id' | 'folderId' | 'name' | 'description' | 'labels'>;
export type ContainerChange = Pick<ContainerRecord, 'id' | 'folderId' | 'name' | 'description' | 'labels'> & {
  readonly expectedVersion: number;
};
export type NewRevision = Omit<Revision, 'createdAt' | 'status' | 'image'>;

/** `key` is already bound to subject and method; `requestHash` is of the normalised domain request. Lives 24 h. */
export interface Idempotency {
  readonly key: string;
  readonly requestHash: string;
}

export type RepeatOutcome =
  | { readonly kind: 'REPEATED'; readonly operation: Operation }
  | { readonly kind: 'KEY_REUSED' };

export type CommitOutcome =
  | { readonly kind: 'COMMITTED'; readonly operation: Operation }
  | RepeatOutcome
  | { readonly kind: 'NAME_TAKEN'; readonly containerId: string }
  | { readonly kind: 'CHANGED' }
  | { readonly kind: 'CONTAINER_NOT_FOUND' }
  | { readonly kind: 'REVISION_NOT_FOUND' }
  /** A Delete was accepted: nothing else is, but for another Delete after a failed one. */
  | { readonly kind: 'DELETING' };

/** Lists that have an index of their own; anything else is filtered record by record by the service, at most 1,000 a call. */
export type ContainerIndex =
  | { readonly by: 'FOLDER'; readonly folderId: string }
  | { readonly by: 'NAME'; readonly folderId: string; readonly name: string }
  | { readonly by: 'STATUS'; readonly folderId: string; readonly status: ContainerRecord['status'] };
/** Without a status: those that have been deployed, ACTIVE and OBSOLETE. */
export type RevisionIndex =
  | { readonly by: 'FOLDER'; readonly folderId: string; readonly status?: Exclude<Revision['status'], 'CREATING'> }
  | { readonly by: 'CONTAINER'; readonly containerId: string; readonly status?: Revision['status'] };
export type OperationIndex =
  | { readonly by: 'FOLDER'; readonly folderId: string; readonly done?: boolean }
  | { readonly by: 'CONTAINER'; readonly containerId: string; readonly done?: boolean };

export interface ListQuery<Index> {
  readonly index: Index;
  /** Position in the index of the last item that the caller has seen, from a former page; null: from the newest. */
  readonly after: string | null;
  readonly limit: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** To continue behind the last item; null at the end. */
  readonly next: string | null;
  /** Position of each item, so that a service that filters can stop anywhere. */
  readonly positions: readonly string[];
}
