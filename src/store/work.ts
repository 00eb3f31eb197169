import type { ContainerRecord } from '../domain/container.js';
import type { ContainerState } from '../domain/container-state.js';
import type { HostRecord } from '../domain/host.js';
import type { Operation, OperationResult, Progress } from '../domain/operation.js';
import type { ResolvedImage, Revision } from '../domain/revision.js';
import type { IngressReport, Route, RouteChange } from '../domain/route.js';
import type { Trouble } from '../domain/trouble.js';
import type { HostSnapshot } from '../scheduler/placement.js';
import type { NewOperation } from './records.js';

export { NEXT_ROUTE_VERSION, type RouteChange } from '../domain/route.js';

/** After so many deaths of its holders in a row a key is suspected to be their cause. */
export const SUSPECT_DEATHS = 2;
export const isSuspect = ({ trouble }: Lease): boolean => trouble !== null && trouble.deaths >= SUSPECT_DEATHS;

/** `container/<id>` or `host/<name>`: what a worker leases. The queue holds keys and no jobs, so an entry too many costs one look. */
export type WorkKey = `container/${string}` | `host/${string}`;

/**
 * The right to work on a key. The fence only grows, over all keys; fence and token are checked for equality by every write.
 * `unclean`: the former holder let it lapse, so calls that it sent to engines may still be under way.
 */
export interface Lease {
  readonly key: WorkKey;
  readonly fence: number;
  readonly token: string;
  readonly unclean: boolean;
  /** What the work on the key met when it was last tried, this lapse included; null: it came to an ordinary end. */
  readonly trouble: KnownTrouble | null;
}

export interface KnownTrouble extends Trouble {
  /** Since the last failure, when the lease was taken. */
  readonly agoMs: number;
}

/** How a key is given back: due after `delayMs`, or never until somebody enqueues it (null). */
export interface Release {
  readonly delayMs: number | null;
  /** False: the outcome of a call is unknown: the next holder has to rename first. */
  readonly clean: boolean;
  /** Why the work failed: free of secrets. It is counted, until the work comes to an ordinary end. */
  readonly failed?: string;
  /** False: the work was left alone or cut short from outside, which tells nothing about it. */
  readonly tried?: boolean;
}

/** The lease was lost: the holder must stop at once, and nothing of this write was done. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  constructor(readonly key: WorkKey) {
    super(`the lease on ${key} was lost`);
  }
}

export interface WorkQueue {
  /**
   * Takes up to `count` keys that are due or whose lease has lapsed, oldest due first, and of those under suspicion (`isSuspect`) up to
   * `suspects` (all, where it is left out). A lapse is counted as a death of its holder. A request that is sent again within a minute, by its id,
   * gets the leases that it got before, which count from then: so none is lost with an answer.
   */
  take(count: number, ttlMs: number, suspects?: number, requestId?: string): Promise<readonly Lease[]>;
  /** Extends them; returns the keys that were lost. */
  renew(leases: readonly Lease[], ttlMs: number): Promise<readonly WorkKey[]>;
  /**
   * Gives a key back. A hint that came meanwhile makes it due at once. Of a lease that has lapsed it says that its holder lives; nothing else
   * changes then.
   */
  release(lease: Lease, how: Release): Promise<void>;
  /** Makes a key due no later than in `delayMs`. */
  enqueue(key: WorkKey, delayMs: number): Promise<void>;
  /** Calls back with a key when it became due or when something happened to a leased one; hints may be lost. Returns an unsubscriber. */
  onHint(listener: (key: WorkKey) => void): () => void;
  /** Milliseconds until the earliest due entry or lapse; null where there is none. */
  nextDue(): Promise<number | null>;
  /** Keys that wait for their time or for a worker, and for how long the one that is most overdue has waited. */
  backlog(): Promise<{ readonly keys: number; readonly oldestMs: number }>;
}

/** Under the lease of a key. All but `parked` throw LeaseLostError. */
export interface Parking {
  /** The key's work is to be tried now and then only. `change`: its container's record, which says so. */
  park(lease: Lease, change: StateChange | null): Promise<void>;
  /** What the work met is forgotten. `change`: its container's record, which says it no longer. */
  unpark(lease: Lease, change: StateChange | null): Promise<void>;
  /** Everything that is parked now, for whoever counts or shows it. */
  parked(): Promise<readonly { readonly key: WorkKey; readonly trouble: Trouble }[]>;
}

/** What one reading of a container under its lease returns. `now` is Redis time. */
export interface LoadedContainer {
  readonly now: number;
  readonly record: ContainerRecord;
  readonly revisions: ReadonlyMap<string, Revision>;
  readonly running: Operation | null;
  readonly queued: Operation | null;
  readonly deleteRequested: boolean;
  readonly ingresses: readonly IngressReport[];
  /** Grows whenever room may have come free on a host: what was placed in vain under an older one is worth another try. */
  readonly capacityVersion: number;
  /** Some container, this one or another, waits for room. */
  readonly capacityWanted: boolean;
}

/**
 * Writes of the worker that holds a container's lease. Each is one script, checks fence and token, stores the new state whole, and is safe to send
 * twice. All throw LeaseLostError.
 */
export interface ContainerWork {
  /** Null: the container is gone; its key can be dropped. */
  load(lease: Lease, containerId: string): Promise<LoadedContainer | null>;
  /**
   * QUEUED becomes RUNNING; a Create makes its container ACTIVE; a Delete's predecessors end as CANCELLED. LEFT: an operation that is not queued
   * any more (cancelled since the reading), or that stands behind a running one, is left alone and the state with it: load again. LAST: no other of
   * the container waits.
   */
  takeOperation(
    lease: Lease,
    change: StateChange & { readonly operationId: string },
  ): Promise<'LAST' | 'MORE' | 'LEFT'>;
  save(lease: Lease, change: StateChange): Promise<void>;
  /**
   * Takes all the devices for the instance, or none. TAKEN: somebody was faster: read hosts again and place again. UNSEEN: Redis has become another one
   * since the host was looked at, and may have forgotten what is leased there.
   */
  place(lease: Lease, change: StateChange & { readonly devices: DeviceLease }): Promise<'PLACED' | 'TAKEN' | 'UNSEEN'>;
  /** Moves the leases of one instance to another of the same container. */
  moveDevices(lease: Lease, change: StateChange & { readonly from: string; readonly to: string }): Promise<void>;
  /** Ends the leases of an instance that Docker has confirmed not to run. Wakes what waits for capacity. */
  freeDevices(lease: Lease, change: StateChange & { readonly instanceId: string }): Promise<void>;
  /** Writes the route under a new version, which replaces NEXT_ROUTE_VERSION in the state. Returns it. */
  publishRoute(lease: Lease, change: StateChange & { readonly route: RouteChange }): Promise<number>;
  /**
   * The beginning of a Stop: publishes a route that lets nobody in, as publishRoute does. Null: the running operation has been asked to stop, so
   * that nothing was done: load again.
   */
  beginStop(lease: Lease, change: StateChange & { readonly route: RouteChange }): Promise<number | null>;
  /**
   * The switch: publishes the route, makes `revisionId` ACTIVE and the former one OBSOLETE, in one script. Null: the running operation has been
   * asked to stop, so that nothing was done: load again.
   */
  switchRevision(
    lease: Lease,
    change: StateChange & { readonly revisionId: string; readonly route: RouteChange },
  ): Promise<Switched | null>;
  /** Queues an operation of the control plane's own. SUPERSEDED: another one is there, or the container is being deleted; nothing was written then. */
  revert(
    lease: Lease,
    change: StateChange & { readonly operation: NewOperation & { readonly revisionId: string } },
  ): Promise<'QUEUED' | 'SUPERSEDED'>;
  /**
   * Ends the running operation. A failed deploy's revision is removed with its index entries; `revisionToRemove` names it. LAST: no other of the
   * container waits.
   */
  completeOperation(lease: Lease, change: StateChange & Completion): Promise<'LAST' | 'MORE'>;
  /** The end of a Delete: container, revisions, name, indexes, route and leases go, a tombstone stays, the operation is done. */
  removeContainer(lease: Lease, containerId: string, operationId: string): Promise<void>;
}

export interface Switched {
  readonly version: number;
  /** How many ingresses live, and so have to apply it. */
  readonly ingresses: number;
}

export interface StateChange {
  readonly containerId: string;
  readonly state: ContainerState;
  /** Of the running operation; undefined leaves it as it is. */
  readonly progress?: Progress;
  /** What the image of one of the container's revisions has turned out to be. */
  readonly image?: FoundImage;
}

export interface FoundImage {
  readonly revisionId: string;
  readonly image: ResolvedImage;
}

export interface Completion {
  readonly operationId: string;
  readonly result: OperationResult;
  readonly revisionToRemove: string | null;
}

export interface DeviceLease {
  readonly instanceId: string;
  readonly host: string;
  readonly gpuUuids: readonly string[];
  readonly port: number | null;
  readonly memory: number;
  readonly cores: number;
}

/**
 * DELETED: a tombstone is left of it. BUSY: somebody holds its lease, and knows more than could be read. UNCLEAN: calls of its last holder may be under
 * way, so that what an engine shows of it means little.
 */
export type Looked = LookedContainer | 'UNKNOWN' | 'DELETED' | 'BUSY' | 'UNCLEAN';

export interface LookedContainer extends LoadedContainer {
  /**
   * Stands for everything here that a plan depends on, but for time, ingresses and the capacity of hosts. Only a container without operations has one: what
   * those wait for is elsewhere.
   */
  readonly mark?: string;
}

export interface PulledImage {
  readonly imageId: string;
  /** By which it was pulled, in their canonical spelling. */
  readonly references: readonly string[];
  /** Redis time at which it was last seen in use; at first, of the pull. */
  readonly usedAt: number;
}

/** The records of one container, made again from what the engines run of it. */
export interface Rebuild {
  readonly container: Pick<ContainerRecord, 'id' | 'folderId' | 'createdAt' | 'name' | 'description' | 'labels'>;
  /** The text of the state that it goes on from, which must not have changed; null: there is no record. */
  readonly known: string | null;
  /** One of them ACTIVE. Those that Redis has are left as they are, but for that. */
  readonly revisions: readonly Revision[];
  readonly state: ContainerState;
  readonly devices: readonly DeviceLease[];
  /** Instances whose leases stay; all others of the container end. */
  readonly leased: readonly string[];
}

/** All but REBUILT: nothing was changed. `device`: a UUID, or `port 30001`. */
export type RebuildOutcome =
  | { readonly kind: 'REBUILT' | 'CHANGED' | 'DELETED' }
  | { readonly kind: 'NAME_TAKEN'; readonly containerId: string }
  | {
      readonly kind: 'DEVICE_TAKEN';
      readonly device: string;
      readonly instanceId: string;
      readonly containerId: string;
    };

/** What is known of a host. */
export interface LoadedHost {
  /** Redis time. */
  readonly now: number;
  /** Null: it was never looked at. */
  readonly host: HostRecord | null;
  readonly memory: RedisMemory;
}

/** Which Redis it is that answers, and what it may not know. */
export interface RedisMemory {
  /** Another one after each restart, restore or failover. */
  readonly replicationId: string;
  /** Fences above the first and up to the second: what was done under those may have been lost. Of all others the present Redis knows. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface HostWork {
  /**
   * Under the lease of `host/<name>`. Where Redis is not (any more) of the control plane `as`, the lease counts as lost: what it says of the host is
   * another's, or nothing.
   */
  loadHost(lease: Lease, as?: string): Promise<LoadedHost>;
  /** Under the lease of `host/<name>`. */
  saveHost(lease: Lease, host: HostRecord): Promise<void>;
  /** Under the lease of `host/<name>`: the host is none of ours any more. What is leased there stays so. */
  removeHost(lease: Lease): Promise<void>;
  /** Images that we have pulled to the host, and have not seen to be gone. */
  pulledImages(host: string): Promise<readonly PulledImage[]>;
  /** Under the lease of the container that it was pulled for: the host did not have the image before. */
  noteImage(lease: Lease, pulled: { readonly host: string } & Omit<PulledImage, 'usedAt'>): Promise<void>;
  /** Under the lease of `host/<name>`: ids of those that are in use now, and of those that are gone. */
  saveImages(
    lease: Lease,
    images: { readonly used: readonly string[]; readonly gone: readonly string[] },
  ): Promise<void>;
  /**
   * Hosts with what is leased of them, for placing, as of a moment after the call. The list is the same one each time and goes on being
   * kept up to date: what this process is taking counts as leased at once, so that of several who place at the same time each sees the others.
   */
  hosts(): Promise<readonly HostSnapshot[]>;
  /** Ids of the containers that hold leases on the host. */
  containersOn(host: string): Promise<readonly string[]>;
  /** A container's record, with the text of its state as it is stored; null: there is none. */
  remembered(containerId: string): Promise<{ readonly record: ContainerRecord; readonly state: string } | null>;
  /**
   * Under the lease of `host/<name>`: stores the records of a container that Redis has lost, or knows only an older state of, with its leases, and makes it
   * due. What was unfinished of it ends as ABORTED: what became of it is not known.
   */
  rebuild(lease: Lease, rebuilt: Rebuild): Promise<RebuildOutcome>;
  /**
   * Containers as they are now, for somebody who only looks: under no lease, so that others may change them at any moment. By id. `marks`, by id too, are
   * those that are known of some: what still has its mark is the SAME, and is not read again.
   */
  look(
    containerIds: readonly string[],
    marks?: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, Looked | 'SAME'>>;
}

/** How a wait on an operation ends: DONE or the present state at the timeout; null: no such operation. */
export interface OperationWatch {
  wait(operationId: string, timeoutMs: number, signal: AbortSignal): Promise<Operation | null>;
}

/** All routes, and the version up to which they are complete. */
export interface Routes {
  readonly version: number;
  readonly routes: readonly Route[];
  /** Those that a newer version has written, or something has damaged. */
  readonly unreadable: readonly { readonly containerId: string; readonly reason: string }[];
}

export interface RouteStore {
  routes(): Promise<Routes>;
  route(containerId: string): Promise<Route | null>;
  /** Calls back with a container whose route changed and the new version; may miss some: read the version now and then. */
  onRoute(listener: (containerId: string, version: number) => void): () => void;
  version(): Promise<number>;
  /** The heartbeat of an ingress, lapsing after `ttlMs`. Wakes the containers in `wake`. Resolves with the version of that moment. */
  report(report: IngressReport, ttlMs: number, wake: readonly string[]): Promise<number>;
  /** Leaves at once instead of by lapse. */
  leave(ingressId: string): Promise<void>;
}

/** What start-up needs of Redis. */
export interface ControlPlane {
  /** Made once, kept for ever. */
  id(): Promise<string>;
  /** Refuses (DomainError FAILED_PRECONDITION) an evicting policy or records of a newer version; returns warnings. */
  check(): Promise<readonly string[]>;
  ping(): Promise<void>;
  /** Whose this Redis is now, without making anything; null: it has been emptied. */
  present(): Promise<string | null>;
  /** Takes the place of another control plane, whose Redis is gone, and so its engines. All but OK: nothing was changed. */
  assume(ids: { readonly own: string; readonly former: string }): Promise<Assumption>;
  close(): Promise<void>;
}

/** HOLDS: it has instances of its own, which would be nobody's then. OTHER: this Redis is not of `own`. */
export type Assumption = 'OK' | 'HOLDS' | 'OTHER';
