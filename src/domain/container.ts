import type { ContainerState } from './container-state.js';
import type { Instance } from './instance.js';

/** CREATING until a worker has taken the Create; DELETING from the accepted Delete on, also after a failed one; ERROR is reserved. */
export type ContainerStatus = 'CREATING' | 'ACTIVE' | 'DELETING' | 'ERROR';

/** A container as Redis holds it. `version` grows with every change of what callers set; the state is the worker's and is not counted. */
export interface ContainerRecord {
  readonly id: string;
  readonly folderId: string;
  readonly createdAt: number;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatus;
  readonly version: number;
  readonly state: ContainerState;
}

/** A container as callers see it: what they set, joined with what the worker recorded. */
export interface Container {
  readonly id: string;
  readonly folderId: string;
  readonly createdAt: number;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatus;
  /** Absolute, with scheme and port; stable for the container's life. */
  readonly url: string;
  readonly activeRevisionId: string | null;
  /** Nothing of it is to run. */
  readonly stopped: boolean;
  readonly instances: readonly Instance[];
  /** Why it is not healthy; empty while it is. */
  readonly statusMessage: string;
}
