/** What can be ended because its time is over. */
export interface Ending {
  over(): void;
}

/** Ends whatever has been in it for `durationMs`. */
export interface Deadlines {
  add(item: Ending): void;
  /** Does nothing for what has ended. */
  remove(item: Ending): void;
}

/**
 * One timer for all that last equally long, since a timer for each costs more than many a call. They end in the order in which they came, so only
 * the first has to be looked at; the timer is left running when that one goes.
 */
export function createDeadlines(durationMs: number): Deadlines {
  const ends = new Map<Ending, number>();
  let timer: NodeJS.Timeout | null = null;

  const look = (): void => {
    timer = null;
    const now = performance.now();
    for (const [item, at] of ends) {
      if (at > now) {
        timer = timerIn(at - now);
        return;
      }
      ends.delete(item);
      item.over();
    }
  };
  // At least a millisecond, so that rounding never makes it turn in place.
  const timerIn = (ms: number) => setTimeout(look, Math.max(1, Math.ceil(ms))).unref();

  return {
    add: (item) => {
      ends.set(item, performance.now() + durationMs);
      timer ??= timerIn(durationMs);
    },
    remove: (item) => void ends.delete(item),
  };
}
