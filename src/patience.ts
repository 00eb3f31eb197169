import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './log.js';

export interface PatienceDeps {
  readonly forMs: number;
  /** Whether what failed may come right by itself. */
  readonly passes: (error: unknown) => boolean;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  readonly signal?: AbortSignal;
}

export type Patience = <T>(what: () => Promise<T>) => Promise<T>;

const PAUSE_MS = 300;
const TELL_EVERY_MS = 10_000;

/**
 * For a start whose Redis may be about to start as well, or to load its data. What is given is tried until it succeeds, fails for good, or has
 * failed for `forMs`; then it rejects as it did last. Says in the log what it waits for.
 */
export function createPatience({ forMs, passes, log, signal }: PatienceDeps): Patience {
  return async (what) => {
    let deadline: number | null = null;
    let toldAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const result = await what();
        if (toldAt > 0) log.info({}, 'Redis can be used now');
        return result;
      } catch (error) {
        deadline ??= performance.now() + forMs;
        const leftMs = Math.floor(deadline - performance.now());
        if (!passes(error) || leftMs <= 0) throw error;
        if (performance.now() - toldAt > TELL_EVERY_MS) {
          toldAt = performance.now();
          const reason = error instanceof Error ? error.message : String(error);
          log.warn({ reason, leftMs }, 'waiting for Redis');
        }
      }
      await delay(PAUSE_MS, undefined, { ...(signal && { signal }) }).catch(() => undefined);
    }
  };
}
