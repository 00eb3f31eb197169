/**
 * One Docker container that belongs to a revision, from its placement until it is forgotten.
 *
 * The role says what the worker wants of it:
 * - CANDIDATE: to run and to become healthy, for the rollout that made it
 * - SERVING: to run; the route leads to it
 * - HELD: to be stopped while its successor tries its GPUs (stop-first); it is started again if that fails
 * - DRAINING: to finish its requests, then to be retired
 * - RETAINED: to stay stopped, without GPUs or ports, for a rollback or for a look at why it failed
 * - DISCARDED: to be removed from its host and forgotten
 */
export type InstanceRole = 'CANDIDATE' | 'SERVING' | 'HELD' | 'DRAINING' | 'RETAINED' | 'DISCARDED';

export interface InstanceRecord {
  readonly id: string;
  readonly revisionId: string;
  readonly ordinal: number;
  readonly role: InstanceRole;
  readonly host: string;
  /** The host's address at placement: where `port` is published. */
  readonly address: string;
  /** Host devices. They are leased while `leased` is true; a retained instance remembers them, since Docker fixes them at create. */
  readonly gpuUuids: readonly string[];
  /** Published port on the host's address; null for runtime process. Fixed at create, as the GPUs are. */
  readonly port: number | null;
  /** Ports that were found in the hands of something that is not ours: it moves away from them. Forgotten once it serves. */
  readonly avoidPorts: readonly number[];
  readonly leased: boolean;
  /** The host was found to have the image. A create that fails takes it back, since somebody may have pruned images. */
  readonly imageReady: boolean;
  /** Set before Docker is asked to create, so that a container found without it is a late create and not ours to keep. */
  readonly createIntended: boolean;
  /** Set once a container was seen: when it is missing now, somebody removed it. */
  readonly created: boolean;
  /** Redis time of our last successful start; null before it and after a stop. */
  readonly startedAt: number | null;
  /** The engine's own text for that start: compared for equality only, never with our clock. */
  readonly engineStartedAt: string | null;
  /** Redis time at which it was last found healthy since that start. */
  readonly healthyAt: number | null;
  /** Route version from which on no request is sent to it any more; set with DRAINING and HELD. */
  readonly drainVersion: number | null;
  /** Redis time after which it is stopped though connections are left. */
  readonly drainDeadline: number | null;
  /** Why it was given up, or why a serving one is not up; kept for people. */
  readonly failed: string | null;
  /**
   * Why it may run though Docker shows that it does not, and how a person ends it (see `reconciler/unseen.ts`); null: Docker can be believed. As long as
   * its Docker container is there, its devices are nobody else's.
   */
  readonly unseen: string | null;
  /** Steady state's starts in place since it was last healthy for a while. */
  readonly restarts: number;
  readonly fault: StepFault | null;
  /** Redis time of the last step that succeeded on it: deadlines for what fails afterwards count from here. */
  readonly changedAt: number;
}

/** The last thing that went wrong with a step on this instance; gone as soon as a step succeeds. */
export interface StepFault {
  /** The kind of the step. */
  readonly step: string;
  readonly kind: 'TRANSIENT' | 'PERMANENT' | 'UNREACHABLE';
  /** The failure's reason where the step knows a closer one than its own (IMAGE_NOT_FOUND); else null. */
  readonly reason: string | null;
  /** The engine's words, shortened; free of secrets. */
  readonly message: string;
  readonly count: number;
  readonly firstAt: number;
  /** Redis time before which the step is not tried again. */
  readonly retryAt: number;
}

/** An instance as callers see it. */
export interface Instance {
  readonly id: string;
  readonly revisionId: string;
  readonly ordinal: number;
  readonly host: string;
  readonly gpuUuids: readonly string[];
  /** `address:port`, or empty. */
  readonly address: string;
  readonly state: InstanceState;
  readonly message: string;
}

export type InstanceState = 'STARTING' | 'RUNNING' | 'DRAINING' | 'STOPPED' | 'FAILED';
