/** A Docker host as configuration names it, joined with what its engine told. Written by workers, read by services and the scheduler. */
export interface HostRecord {
  readonly name: string;
  /** Where published ports of its containers are reached: an IP address or a name. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: PortRange;
  readonly state: HostState;
  /** Why it is not UP; empty otherwise. */
  readonly message: string;
  readonly gpus: readonly Gpu[];
  /** UUIDs in the hands of containers that are not ours. */
  readonly foreignGpus: readonly string[];
  readonly memory: number;
  readonly cores: number;
  readonly engineVersion: string;
  readonly observedAt: number;
}

export type HostState = 'UNKNOWN' | 'UP' | 'UNREACHABLE' | 'REFUSED';

export interface Gpu {
  readonly uuid: string;
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
}

/** Both ends belong to the range. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}
