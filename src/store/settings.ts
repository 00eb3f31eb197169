/** How long what is over is kept. Times in milliseconds. */
export interface StoreSettings {
  readonly operationTtlMs: number;
  readonly idempotencyTtlMs: number;
  readonly tombstoneTtlMs: number;
  /** Obsolete revisions that are kept per container; those still in use are never taken. */
  readonly obsoleteRevisions: number;
}

const DAY_MS = 24 * 3_600_000;

export const DEFAULT_STORE_SETTINGS: StoreSettings = {
  operationTtlMs: 30 * DAY_MS,
  idempotencyTtlMs: DAY_MS,
  tombstoneTtlMs: 7 * DAY_MS,
  obsoleteRevisions: 50,
};
