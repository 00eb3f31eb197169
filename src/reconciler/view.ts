import type { ContainerStatus } from '../domain/container.js';
import type { ContainerState } from '../domain/container-state.js';
import type { ObservedInstance } from '../domain/observed-instance.js';
import type { Operation } from '../domain/operation.js';
import type { Revision } from '../domain/revision.js';
import type { IngressReport } from '../domain/route.js';

/** Everything that planning one container depends on: desired state and journal from Redis, and what Docker shows. */
export interface ContainerView {
  /** Redis time at the reading. */
  readonly now: number;
  readonly containerId: string;
  readonly status: ContainerStatus;
  readonly state: ContainerState;
  /** The revisions that the state and the operations name; one that is missing is gone. */
  readonly revisions: ReadonlyMap<string, Revision>;
  /** The RUNNING operation, if any. */
  readonly running: Operation | null;
  /** The oldest QUEUED one, if any. */
  readonly queued: Operation | null;
  /** A Delete waits or runs: everything else gives way to it. */
  readonly deleteRequested: boolean;
  readonly ingresses: readonly IngressReport[];
  /** Grows whenever room may have come free on a host. */
  readonly capacityVersion: number;
  /** Some container, this one or another, waits for room on a host. */
  readonly capacityWanted: boolean;
  readonly fence: number;
  /** The former holder of the lease did not give it back: its calls may still be under way. */
  readonly unclean: boolean;
  readonly observed: readonly HostedInstance[];
  /** Hosts that could not be observed, with the reason. What is on them is unknown, not gone. */
  readonly unobserved: ReadonlyMap<string, string>;
  /** Those of them that have been silent for so long that what ran there is taken to be gone. */
  readonly lost: ReadonlySet<string>;
  /** Hosts that are gone for good, which are not among those: nothing runs there, and nothing ever will. */
  readonly gone: ReadonlySet<string>;
  readonly policy: ReconcilePolicy;
}

/** What was observed, and where. */
export interface HostedInstance extends ObservedInstance {
  readonly host: string;
}

export interface ReconcilePolicy {
  readonly placeTimeoutMs: number;
  readonly healthDeadlineMs: number;
  /** How long transient faults of one step are tried again. */
  readonly retryBudgetMs: number;
  readonly drainTimeoutMs: number;
  /** How long a former instance stays up when it has drained. */
  readonly keepDrainingMs: number;
  /** How long a deployed revision is watched after its switch; 0: not at all. */
  readonly watchWindowMs: number;
  readonly retainedInstances: number;
  /** How long an operation waits for a host that does not answer. */
  readonly unreachableDeadlineMs: number;
  /** Whether what served on a lost host is replaced on another; else it waits for its host. */
  readonly moveFromLost: boolean;
}
