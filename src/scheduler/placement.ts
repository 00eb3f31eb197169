import type { Gpu, HostRecord } from '../domain/host.js';
import type { GpuRequirements, Resources } from '../domain/revision.js';

/** What one instance needs of a host. */
export interface PlacementRequest {
  readonly gpus: GpuRequirements | null;
  readonly resources: Resources | null;
  readonly needsPort: boolean;
  /** The id of the instance: see pickPort. Absent where no port is picked. */
  readonly portSeed?: string;
  /** Where the image is, since no registry can bring it to another host; null: any host. */
  readonly imageHosts: ImageHosts | null;
}

export interface ImageHosts {
  readonly having: readonly string[];
  /** Those that could not be asked for it: they may have it. */
  readonly unasked: readonly string[];
}

/** A host as the scheduler sees it: the record, and what is taken of it now. */
export interface HostSnapshot {
  readonly host: HostRecord;
  /** Leased in Redis, or seen in the hands of a container that is not ours. */
  readonly takenGpus: ReadonlySet<string>;
  /** The host's devices that are not taken, in the host's order (`freeGpus`). */
  readonly freeGpus: readonly Gpu[];
  readonly takenPorts: ReadonlySet<number>;
  readonly instances: number;
  readonly leasedMemory: number;
  readonly leasedCores: number;
}

/** What an instance holds of its host. */
export interface HeldDevices {
  readonly instanceId: string;
  readonly containerId: string;
  readonly host: string;
  readonly gpuUuids: readonly string[];
  readonly port: number | null;
  readonly memory: number;
  readonly cores: number;
}

export interface Placed {
  readonly ok: true;
  readonly host: string;
  readonly gpus: readonly Gpu[];
  readonly port: number | null;
}

export interface NotPlaced {
  readonly ok: false;
  /** Whether some host could satisfy it if nothing were taken. */
  readonly possible: boolean;
  /** By name; of many hosts, some. */
  readonly reasons: readonly HostReason[];
  /** How many more will not do and are not in `reasons`. */
  readonly unnamed: number;
}

/** Why one host will not do; a sentence for people. */
export interface HostReason {
  readonly host: string;
  readonly reason: string;
}

/** A reason, and whether it would still hold on an idle host. */
export interface Refusal {
  readonly reason: string;
  readonly permanent: boolean;
}

/**
 * Adding a filter: a file with one such function, and a line in place.ts. Null lets the host pass. Why not is worked out only where somebody asks: of
 * most hosts that will not do, nobody does.
 */
export type Filter = (request: PlacementRequest, snapshot: HostSnapshot) => (() => Refusal) | null;
