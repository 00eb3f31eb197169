import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import type { Keys } from './keys.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { createSharedReads } from './shared-reads.js';
import type { OperationWatch } from './work.js';

export interface OperationWatchDeps {
  readonly read: (operationId: string) => Promise<Operation | null>;
  /** Those of the operations that nobody has to wait for any more. */
  readonly ended: (operationIds: readonly string[]) => Promise<readonly string[]>;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
  /** How often a process asks whether the message of an end was lost. */
  readonly sweepMs?: number;
}

/** Reads of operations at a time. What waiters ask must not stand in the way of everything else. */
const MOST_READS = 256;
/** Operations in one question of a sweep: few enough that nobody who asks Redis meanwhile notices. */
const MOST_SWEPT = 64;

/**
 * Waiters of a process share one subscription and, where they come together, their readings. Should the message of an end be lost, a sweep over all that
 * is waited for finds it: one for the process, so that a thousand who wait cost hardly more than one. A waiter whose reading fails goes on waiting: Redis
 * may be back before its time is up.
 */
export function createRedisOperationWatch({
  read,
  ended,
  subscriber,
  keys,
  sweepMs = 3_000,
}: OperationWatchDeps): OperationWatch {
  const reads = createSharedReads(read, MOST_READS);
  const waiters = new Map<string, Set<() => void>>();
  const wake = (operationIds: Iterable<string>) => {
    for (const id of operationIds) for (const look of waiters.get(id) ?? []) look();
  };
  subscriber.on(keys.key('operations-ended'), (operationId) => wake([operationId]));
  subscriber.onReconnect(() => wake([...waiters.keys()]));

  let sweeping = false;
  const sweepWhileWaited = async () => {
    if (sweeping) return;
    sweeping = true;
    while (waiters.size > 0) {
      await delay(sweepMs, undefined, { ref: false });
      const operationIds = [...waiters.keys()];
      for (let first = 0; first < operationIds.length; first += MOST_SWEPT)
        wake(await found(ended, operationIds.slice(first, first + MOST_SWEPT)));
    }
    sweeping = false;
  };

  return {
    wait: async (operationId, timeoutMs, signal) => {
      const deadline = performance.now() + timeoutMs;
      let last: Operation | undefined;
      for (;;) {
        // Listening begins before the reading, so an end in between is heard.
        const bell = createBell(waiters, operationId);
        void sweepWhileWaited();
        try {
          signal.throwIfAborted();
          const left = () => deadline - performance.now();
          // Without any reading there is no answer yet, so the first one may take as long as it needs.
          const seen = await looked(reads.ask(operationId), last === undefined ? null : left(), signal);
          if (seen.kind === 'FOUND') {
            if (seen.operation === null || seen.operation.state === 'DONE') return seen.operation;
            last = seen.operation;
          }
          if (left() <= 0) {
            if (last !== undefined) return last;
            if (seen.kind === 'FAILED') throw seen.fault;
          }
          const unread = last === undefined ? sweepMs : Number.POSITIVE_INFINITY;
          await bell.ring(Math.min(Math.max(left(), 0), unread), signal);
        } finally {
          bell.remove();
        }
      }
    },
  };
}

/** What Redis does not say now the next sweep finds; whatever else goes wrong each waiter is to see for itself, and tells it. */
async function found(ended: OperationWatchDeps['ended'], operationIds: readonly string[]): Promise<readonly string[]> {
  try {
    return await ended(operationIds);
  } catch (fault) {
    return isPassing(fault) ? [] : operationIds;
  }
}

type Seen =
  | { readonly kind: 'FOUND'; readonly operation: Operation | null }
  | { readonly kind: 'FAILED'; readonly fault: DomainError }
  | { readonly kind: 'LATE' };

/** What a reading came to, or LATE after `ms`. Rejects with the signal, and with faults that are none of Redis. */
function looked(reading: Promise<Operation | null>, ms: number | null, signal: AbortSignal): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const leave = () => settle(() => reject(toError(signal.reason)));
    const timer = ms === null ? undefined : setTimeout(() => settle(() => resolve({ kind: 'LATE' })), ms);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      act();
    };
    signal.addEventListener('abort', leave, { once: true });
    reading.then(
      (operation) => settle(() => resolve({ kind: 'FOUND', operation })),
      (fault: unknown) =>
        settle(() => (isPassing(fault) ? resolve({ kind: 'FAILED', fault }) : reject(toError(fault)))),
    );
  });
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

const isPassing = (fault: unknown): fault is DomainError =>
  fault instanceof DomainError && fault.failure.code === 'UNAVAILABLE';

function createBell(waiters: Map<string, Set<() => void>>, operationId: string) {
  let rung = false;
  let wake = () => undefined as void;
  const look = () => {
    rung = true;
    wake();
  };
  const looks = waiters.get(operationId) ?? new Set();
  waiters.set(operationId, looks.add(look));
  return {
    /** Resolves when the operation ended (also before this call), after `ms`, or when the signal aborts. */
    ring: (ms: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        if (rung || signal.aborted) return resolve();
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
        wake = done;
      }),
    remove: () => {
      looks.delete(look);
      if (looks.size === 0 && waiters.get(operationId) === looks) waiters.delete(operationId);
    },
  };
}
