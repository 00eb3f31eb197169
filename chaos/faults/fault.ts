import type { Random } from '../random.js';
import type { Stage } from '../stage.js';

/**
 * What a fault is in the way of: `redis`, the name of a process, `host-1` (its containers), `engine-1` (its engine alone: containers go on),
 * or the id of a container. One that must not change anything is in the way of nothing.
 */
export type Path = string;

/** A fault that is ready to be: what it hits is chosen. */
export interface Fault {
  /** `freeze worker-1` ... */
  readonly name: string;
  /** None of them is ever hit by two at once. */
  readonly targets: readonly string[];
  readonly paths: readonly Path[];
  /** How long it stays. 0: it is a moment. */
  readonly forMs: number;
  /** How long what it did may be felt after it was lifted. */
  readonly recoversMs: number;
  begin(): Promise<void>;
  /** Resolves when what it hit is as before. Called once, after `begin`. */
  lift(): Promise<void>;
}

/** A kind of faults. */
export interface FaultKind {
  readonly kind: string;
  /** How often it comes, compared with others. */
  readonly weight: number;
  /** Chooses what is hit; null: there is nothing. Takes the same amount of chance each time. */
  prepare(stage: Stage, random: Random): Promise<Fault | null> | Fault | null;
}
