import type { Makings } from '../domain/memo.js';
import type { InstanceIdentity, ObservedInstance } from '../domain/observed-instance.js';
import type { ResolvedImage, RevisionSpec } from '../domain/revision.js';

export { type InstanceIdentity, instanceName, type ObservedInstance } from '../domain/observed-instance.js';

/**
 * One Docker Engine, as the rest of Longshore sees it: the port that the dockerode adapter and the in-memory fake implement,
 * both under the same contract suite.
 *
 * Every call has a timeout of its own; `signal` ends it earlier. A call that ends with kind UNKNOWN_OUTCOME may still run when
 * the engine wakes, long after its sender is gone: that is why mutating calls address a name that carries the fence.
 * All failures are EngineErrors.
 */
export interface EngineDriver {
  readonly host: string;
  ping(signal?: AbortSignal): Promise<void>;
  info(signal?: AbortSignal): Promise<EngineInfo>;
  /** Containers labelled as this control plane's, running or not; those of one container, or all. */
  list(filter: InstanceFilter, signal?: AbortSignal): Promise<readonly ObservedInstance[]>;
  /** One container by its name; null where there is none, or where it is not this control plane's. */
  inspect(name: string, signal?: AbortSignal): Promise<ObservedInstance | null>;
  /** What one of this control plane's was made with; null where there is none of this name. Environment and command may be secret. */
  makings(name: string, signal?: AbortSignal): Promise<Makings | null>;
  /** UUIDs of the devices that running containers which are NOT ours were given (`all` counts every device). */
  foreignGpus(allUuids: readonly string[], signal?: AbortSignal): Promise<readonly string[]>;
  /** The image if the engine has it, else null. Takes a tag, a digest reference or an image id. */
  findImage(reference: string, signal?: AbortSignal): Promise<EngineImage | null>;
  /** Pulls with the credentials of Docker's own config file. Fails after `stallMs` without progress, not after a total time. */
  pull(reference: string, options: PullOptions): Promise<EngineImage>;
  /** All images that have a name, and what is known of each without asking for it. */
  images(signal?: AbortSignal): Promise<readonly StoredImage[]>;
  /**
   * Takes one reference away, and the image with the last one. It is CONFLICT while any container, stopped ones too, is made of it. What is gone
   * is gone.
   */
  removeImage(reference: string, signal?: AbortSignal): Promise<void>;
  /** Creates, never starts. A name that is taken is CONFLICT. */
  create(instance: InstanceSpec, signal?: AbortSignal): Promise<void>;
  /** Starting what runs succeeds. */
  start(name: string, signal?: AbortSignal): Promise<void>;
  /** SIGTERM, then SIGKILL after the grace. Stopping what is stopped succeeds. */
  stop(name: string, graceSeconds: number, signal?: AbortSignal): Promise<void>;
  rename(name: string, newName: string, signal?: AbortSignal): Promise<void>;
  /** Removes with its anonymous volumes, killing it if it runs. Removing what is gone succeeds. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
  /** The last output lines of both streams, bounded in lines and bytes; control characters replaced. */
  logs(name: string, limit: { readonly lines: number; readonly bytes: number }, signal?: AbortSignal): Promise<string>;
  /** Makes the labelled bridge network (traffic between containers off) unless it is there. */
  ensureNetwork(signal?: AbortSignal): Promise<void>;
  /** Claims the engine for this control plane by the volume `longshore-owner`: a compare-and-set. */
  claim(signal?: AbortSignal): Promise<Claim>;
  /** Hints that something changed, from the moment at which it calls `listening`; may miss some. Ends with the signal or an EngineError. */
  events(signal: AbortSignal, listening?: () => void): AsyncIterable<EngineEvent>;
}

/** Whose an engine is. */
export interface Claim {
  /** Id of the control plane. */
  readonly owner: string;
  /** The name of the host that it is to that one; empty: the claim does not say. */
  readonly as: string;
}

export interface EngineInfo {
  readonly version: string;
  readonly memory: number;
  readonly cores: number;
  readonly nvidia: boolean;
}

export interface EngineImage extends ResolvedImage {
  /** Whether the image declares a HEALTHCHECK. */
  readonly healthCheck: boolean;
}

export interface StoredImage {
  readonly id: string;
  /** Canonical: `docker.io/library/redis:7`. */
  readonly tags: readonly string[];
  /** `repository@sha256:...`: it can be pulled again by these. */
  readonly digests: readonly string[];
  /** Bytes; layers that several images share are counted with each. */
  readonly size: number;
  /** Some container, of whomever, is made of it. */
  readonly inUse: boolean;
}

export interface PullOptions {
  readonly onProgress: (progress: { readonly bytesDone: number; readonly bytesTotal: number }) => void;
  readonly stallMs: number;
  readonly signal?: AbortSignal;
}

export interface EngineEvent {
  readonly containerId: string;
  readonly instanceId: string;
  /** `die`, `destroy`, `start`, `rename`, `health_status` … */
  readonly action: string;
}

/** All that is needed to create one instance; the pure docker-spec turns it into the engine's create body. */
export interface InstanceSpec {
  readonly name: string;
  readonly identity: InstanceIdentity;
  readonly imageId: string;
  readonly spec: RevisionSpec;
  readonly gpuUuids: readonly string[];
  /** Published port, bound on `address`; null publishes nothing. */
  readonly port: number | null;
  readonly address: string;
  /** Kept with it as it is, for `makings`; absent: nobody will ask for it. */
  readonly memo?: string;
}

/**
 * - TRANSIENT: trying again may help (500, a reset, disk full)
 * - PERMANENT: it will not (400, a missing executable)
 * - NOT_FOUND, CONFLICT: 404 and 409
 * - UNREACHABLE: nothing reached the engine
 * - UNKNOWN_OUTCOME: it may have reached the engine and may run yet (timeout, reset after sending)
 */
export type EngineErrorKind = 'TRANSIENT' | 'PERMANENT' | 'NOT_FOUND' | 'CONFLICT' | 'UNREACHABLE' | 'UNKNOWN_OUTCOME';

/**
 * What more is known of a failure, where something hangs on it:
 * - PORT_TAKEN: the published port is in use on the host by something else
 * - GPU_TAKEN: another of our containers there runs with one of its GPUs
 * - GPU_GONE: the host has no such GPU, or none that its driver can use
 * - DISK_FULL: no space is left on the host's disk
 * - IMAGE_NOT_FOUND: the registry answers that it has no such image, or none that these credentials may see
 * - HALF_STARTED: the engine was killed in an earlier start of the container, whose program never began; no start of it will ever succeed
 * - RUNS_UNSEEN: as that, but the start may have gone through: the program may run, with its devices, where Docker shows a container that does not
 */
export type EngineErrorReason =
  | 'PORT_TAKEN'
  | 'GPU_TAKEN'
  | 'GPU_GONE'
  | 'DISK_FULL'
  | 'IMAGE_NOT_FOUND'
  | 'HALF_STARTED'
  | 'RUNS_UNSEEN';

/**
 * `message` is shortened, names the call, and holds no secret (registry credentials, environment). It leaves the host to `host`: who shows it says
 * where it happened, once.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly reason: EngineErrorReason | null;
  constructor(
    readonly kind: EngineErrorKind,
    readonly host: string,
    message: string,
    options: { readonly cause?: unknown; readonly reason?: EngineErrorReason | null } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.reason = options.reason ?? null;
  }

  /** The same failure, told to somebody for whom it means something else. */
  withKind(kind: EngineErrorKind): EngineError {
    return new EngineError(kind, this.host, this.message, { cause: this });
  }
}

export interface InstanceFilter {
  readonly containerId?: string;
  /** Only those that have processes, or are about to have none. */
  readonly active?: true;
}
