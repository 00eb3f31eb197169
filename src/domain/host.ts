/** A Docker host as configuration names it, joined with what its engine told. Written by workers, read by services and the scheduler. */
export interface HostRecord extends HostStanding {
  readonly name: string;
  /** Where published ports of its containers are reached: an IP address or a name. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: PortRange;
  readonly gpus: readonly Gpu[];
  /** UUIDs in the hands of containers that Redis has no lease for: not ours, or orphans of ours. */
  readonly foreignGpus: readonly string[];
  readonly memory: number;
  readonly cores: number;
  readonly engineVersion: string;
  /** Redis time at which its engine last told all this; 0: never. */
  readonly observedAt: number;
  readonly orphans: readonly Orphan[];
  /** Of the Redis that the last full look at it was compared with: one that has become another since may have forgotten leases there. */
  readonly replicationId?: string | undefined;
}

/** A Docker container that is labelled as ours and that Redis knows nothing of. */
export interface Orphan {
  /** Docker's id of it. */
  readonly dockerId: string;
  readonly name: string;
  readonly containerId: string;
  readonly instanceId: string;
  /** Redis time. */
  readonly firstSeenAt: number;
  /** For how long somebody has watched it since: what the quarantine counts. */
  readonly watchedMs: number;
  /** Of the Redis that knew nothing of it. */
  readonly replicationId: string;
  /** Why it is left to a person for good; empty: it is removed when its quarantine is over. */
  readonly kept: string;
}

/** How a host answers. Times are Redis time. */
export interface HostStanding {
  readonly state: HostState;
  readonly since: number;
  /** Why it is not UP, or why it did not answer last; empty otherwise. */
  readonly message: string;
  /** Looks in a row that it did not answer. */
  readonly missedLooks: number;
  /** Since when somebody has looked in vain; null while it answers. */
  readonly silentSince: number | null;
  readonly lookedAt: number;
}

/**
 * - UNKNOWN: nobody has heard of it yet
 * - UP: it answers, and may be given work
 * - UNREACHABLE: it missed some looks; what runs there may run on
 * - LOST: it was silent for longer than the grace; what ran there is taken to be gone
 * - RETURNING: it answers again, and is used for nothing new until what it should not run any more is gone
 * - REFUSED: it answers, and is not ours to use
 */
export type HostState = 'UNKNOWN' | 'UP' | 'UNREACHABLE' | 'LOST' | 'RETURNING' | 'REFUSED';

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
