import { DomainError } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import type { Keys } from './keys.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { createSharedReads } from './shared-reads.js';
import type { OperationWatch } from './work.js';

export interface OperationWatchDeps {
  readonly read: (operationId: string) => Promise<Operation | null>;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
  /** How often a waiter looks by itself, should the message of the end have been lost: after half of it up to one and a half times. */
  readonly rereadMs?: number;
}

/**
 * Reads of operations at a time. What waiters ask must not stand in the way of everything else, and those who look by themselves, perhaps all at
 * once, must not keep the one waiting whose operation has just ended.
 */
const MOST_READS = 256;

/**
 * Waiters of a process share one subscription and, where they come together, their readings. One whose reading fails goes on waiting: Redis may be
 * back before its time is up.
 */
export function createRedisOperationWatch({
  read,
  subscriber,
  keys,
  rereadMs = 3_000,
}: OperationWatchDeps): OperationWatch {
  const reads = createSharedReads(read, MOST_READS);
  const waiters = new Map<string, Set<() => void>>();
  subscriber.on(keys.key('operations-ended'), (operationId) => {
    for (const look of waiters.get(operationId) ?? []) look();
  });
  subscriber.onReconnect(() => {
    for (const looks of waiters.values()) for (const look of looks) look();
  });

  return {
    wait: async (operationId, timeoutMs, signal) => {
      const deadline = performance.now() + timeoutMs;
      let last: Operation | undefined;
      for (;;) {
        // Listening begins before the reading, so an end in between is heard.
        const bell = createBell(waiters, operationId);
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
          await bell.ring(Math.min(Math.max(left(), 0), spread(rereadMs)), signal);
        } finally {
          bell.remove();
        }
      }
    },
  };
}

/** Waiters that came together must not look together for ever after: whoever has to be told of an end meanwhile would wait for all of them. */
const spread = (ms: number): number => ms * (0.5 + Math.random());

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
