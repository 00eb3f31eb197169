import type { Operation } from '../domain/operation.js';
import type { Keys } from './keys.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { OperationWatch } from './work.js';

export interface OperationWatchDeps {
  readonly read: (operationId: string) => Promise<Operation | null>;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
  /** How often a waiter looks by itself, should the message of the end have been lost. */
  readonly rereadMs?: number;
}

/** Waiters of a process share one subscription; each costs an entry in a map and a reading now and then. */
export function createRedisOperationWatch({
  read,
  subscriber,
  keys,
  rereadMs = 3_000,
}: OperationWatchDeps): OperationWatch {
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
      for (;;) {
        // Listening begins before the reading, so an end in between is heard.
        const bell = createBell(waiters, operationId);
        try {
          signal.throwIfAborted();
          const operation = await read(operationId);
          const left = deadline - performance.now();
          if (operation === null || operation.state === 'DONE' || left <= 0) return operation;
          await bell.ring(Math.min(left, rereadMs), signal);
        } finally {
          bell.remove();
        }
      }
    },
  };
}

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
