/** Why somebody left a line without being called: no room at the start, or too long a wait. */
export type LineRefusal = 'FULL' | 'TIMEOUT';

export class LineError extends Error {
  override readonly name = 'LineError';
  constructor(readonly refusal: LineRefusal) {
    super(`the line is ${refusal === 'FULL' ? 'full' : 'too slow'}`);
  }
}

interface Waiter {
  readonly call: () => void;
}

/** First come, first called: one bounded line per key. */
export interface Line {
  length(key: string): number;
  /**
   * Waits to be called, for at most `maxMs` (null: as long as it takes). Rejects with a LineError, or with the signal's reason
   * once it is aborted.
   */
  wait(key: string, maxMs: number | null, signal: AbortSignal): Promise<void>;
  /** Calls the first in line, or all in their order. */
  callOne(key: string): void;
  callAll(key: string): void;
}

export function createLine(limit: number): Line {
  const lines = new Map<string, Set<Waiter>>();

  function leave(key: string, waiter: Waiter): void {
    const line = lines.get(key);
    line?.delete(waiter);
    if (line?.size === 0) lines.delete(key);
  }

  function wait(key: string, maxMs: number | null, signal: AbortSignal): Promise<void> {
    const line = lines.get(key) ?? new Set<Waiter>();
    if (line.size >= limit) return Promise.reject(new LineError('FULL'));
    return new Promise<void>((resolve, reject) => {
      const finish = (end: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        leave(key, waiter);
        end();
      };
      const onAbort = () => finish(() => reject(signal.reason as Error));
      const waiter: Waiter = { call: () => finish(resolve) };
      const timer =
        maxMs === null
          ? undefined
          : setTimeout(() => finish(() => reject(new LineError('TIMEOUT'))), Math.max(0, maxMs));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      lines.set(key, line.add(waiter));
    });
  }

  return {
    length: (key) => lines.get(key)?.size ?? 0,
    wait,
    callOne(key) {
      for (const waiter of lines.get(key) ?? []) return waiter.call();
    },
    callAll(key) {
      for (const waiter of [...(lines.get(key) ?? [])]) waiter.call();
    },
  };
}
