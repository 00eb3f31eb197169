/** Tells those who wait, once, that the process begins to shut down. */
export interface Drain {
  /** Aborts `waiting` then, or at once where it has begun. */
  add(waiting: AbortController): void;
  /** Does nothing for what is not in it. */
  remove(waiting: AbortController): void;
}

/** One listener for all of them: a signal of Node's that follows two others is several times as large as one that is told. */
export function createDrain(draining: AbortSignal): Drain {
  const all = new Set<AbortController>();
  const begin = (): void => {
    for (const waiting of all) waiting.abort();
    all.clear();
  };
  draining.addEventListener('abort', begin, { once: true });
  return {
    add: (waiting) => {
      if (draining.aborted) waiting.abort();
      else all.add(waiting);
    },
    remove: (waiting) => void all.delete(waiting),
  };
}
