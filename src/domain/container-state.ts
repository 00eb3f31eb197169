import type { Failure } from './errors.js';
import type { InstanceRecord } from './instance.js';

/**
 * What the worker knows and wants of a container: written only under the container's lease, whole, with the fence checked.
 * What callers set (name, labels, bindings) is stored beside it and never written by a worker, so neither overwrites the other.
 */
export interface ContainerState {
  /** Grows with each operation that a worker takes. A container on Docker with a greater one is from a future that Redis lost. */
  readonly generation: number;
  readonly activeRevisionId: string | null;
  /** A Stop has begun, and nothing has been switched to since: nothing of it is to run. Absent: it is to. */
  readonly stopped?: Stopped | undefined;
  /** Ids of instances that a Start had to leave behind with their files; no surplus until another revision is switched to. Absent: there are none. */
  readonly spared?: readonly string[] | undefined;
  /**
   * The revision that last proved itself: it was healthy throughout the watch after its switch, or a caller went back to it. A rollback target that
   * garbage collection never takes.
   */
  readonly stableRevisionId: string | null;
  /** Over the active revision, until it has proved itself; null: there is nothing to watch. */
  readonly watch: Watch | null;
  readonly instances: readonly InstanceRecord[];
  /** The deploy, rollback or start under way; null between them. */
  readonly rollout: Rollout | null;
  /** Instances that the published route leads to; empty while it is held. */
  readonly routed: readonly string[];
  /** Shown to callers as the container's status message. */
  readonly message: string;
  /** Why nothing is known of what serves; shown in the place of the message. Absent: its host is not lost. */
  readonly away?: string | undefined;
  /** Why the worker tries it only now and then; shown in the place of the message. Absent: it does not. */
  readonly parked?: string | undefined;
}

export interface Stopped {
  /** Redis time at which the Stop began. */
  readonly since: number;
  /** Ids of the instances that served then: the next Start starts them, with their files, if it can. */
  readonly kept: readonly string[];
}

export interface Rollout {
  readonly operationId: string;
  readonly kind: 'DEPLOY' | 'ROLLBACK' | 'START';
  readonly revisionId: string;
  /** The revision that is active until the switch; null for the first deploy. */
  readonly formerRevisionId: string | null;
  /** Decided at placement. */
  readonly order: 'START_FIRST' | 'STOP_FIRST' | null;
  readonly startedAt: number;
  /** Set by the switch: from here on the operation ends as a success, whatever comes. The route version is what ingresses must reach. */
  readonly switchedVersion: number | null;
  /** Stop-first: the route version that holds requests, so that nothing reaches the former instance while it stops. */
  readonly holdVersion: number | null;
  /** Set when the rollout is being undone: what the operation will end with. */
  readonly failure: Failure | null;
  /** Redis time at which undoing began; null with `failure`. */
  readonly undoneAt: number | null;
  /** Why no host took the candidate yet; null once one has. */
  readonly blocked: Blocked | null;
  /** What its operation says at the end though all went well: that it had to create anew what was kept. Empty: nothing. */
  readonly note: string;
}

/** What a deployed revision has to live through before it counts as stable. */
export interface Watch {
  readonly revisionId: string;
  /** Redis time from which it has to stay healthy: its switch, or the last time that it died. */
  readonly since: number;
  /** Whether the container goes back if it dies: it did not do so already. */
  readonly mayRevert: boolean;
  /** How it died; null: it has not. */
  readonly death: string | null;
}

export interface Blocked {
  /** Host by host; for people. */
  readonly message: string;
  /** Redis time before which placing is not tried again. */
  readonly retryAt: number;
  /** The capacity version under which there was no room: under a later one placing is tried again at once. */
  readonly capacityVersion: number;
}

export const EMPTY_STATE: ContainerState = {
  generation: 0,
  activeRevisionId: null,
  stableRevisionId: null,
  watch: null,
  instances: [],
  routed: [],
  rollout: null,
  message: '',
};
