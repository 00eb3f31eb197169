/** What a revision runs. Immutable from the moment its deploy was accepted. Sizes in bytes, times in milliseconds. */
export interface RevisionSpec {
  readonly image: ImageSpec;
  readonly resources: Resources | null;
  readonly executionTimeoutMs: number;
  /** Requests in flight per instance; 0 means no limit. */
  readonly concurrency: number;
  readonly gpus: GpuRequirements | null;
  /** 0 means the engine's default (64 MiB). */
  readonly shmSize: number;
  /** Null: an HTTP probe of `/` for runtime http, or the image's own HEALTHCHECK where it has one. */
  readonly healthCheck: HealthCheck | null;
  readonly rolloutOrder: RolloutOrder;
  readonly pullPolicy: PullPolicy;
  readonly runtime: Runtime;
  /** Runtime process: how long an instance must run before it counts as healthy. */
  readonly minimumRunTimeMs: number;
  /** Absent and 0 are told apart because the message is returned as it was sent. */
  readonly minInstances: number | null;
}

export interface ImageSpec {
  readonly url: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** As given, reserved LONGSHORE_GPU_* keys included: those are kept out of the container's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

export interface Resources {
  readonly memory: number;
  readonly cores: number;
  /** Percent of each core; 100 where cores were asked for without it. */
  readonly coreFraction: number;
}

export interface GpuRequirements {
  readonly count: number;
  /** Glob without regard to case; empty matches every model. */
  readonly model: string;
  /** Memory of each single GPU, in bytes. */
  readonly minMemory: number;
}

export interface HealthCheck {
  readonly probe: { readonly kind: 'HTTP'; readonly path: string } | { readonly kind: 'TCP' } | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** From the start of the instance to its first healthy answer. */
  readonly deadlineMs: number;
}

export type Runtime = 'HTTP' | 'PROCESS';
export type RolloutOrder = 'AUTO' | 'START_FIRST' | 'STOP_FIRST';
export type PullPolicy = 'IF_ABSENT' | 'ALWAYS';

/** CREATING until its deploy has switched; at most one ACTIVE per container; OBSOLETE ones can be rolled back to. */
export type RevisionStatus = 'CREATING' | 'ACTIVE' | 'OBSOLETE';

export interface Revision {
  readonly id: string;
  readonly containerId: string;
  readonly folderId: string;
  readonly description: string;
  readonly createdAt: number;
  readonly status: RevisionStatus;
  readonly spec: RevisionSpec;
  /** What `image.url` meant when it was pulled; null until a host has told. */
  readonly image: ResolvedImage | null;
}

/** The image that a revision was first run from. Rollback uses `digest`, and `id` where no registry knows the image. */
export interface ResolvedImage {
  /** `sha256:…` of the repository digest, or the image id where there is none. */
  readonly digest: string;
  /** The image id on the engine that resolved it. */
  readonly id: string;
  /** `repository@sha256:…` to pull by, or null where the image came from no registry. */
  readonly pullReference: string | null;
}

export const DEFAULT_EXECUTION_TIMEOUT_MS = 3_600_000;
export const DEFAULT_MINIMUM_RUN_TIME_MS = 5_000;
/** Where an instance of runtime http listens; given to it as PORT. */
export const INSTANCE_PORT = 8080;
