import { createLine, type Place } from './line.js';

/** What can be ended because its time is over. */
export interface Ending {
  over(): void;
}

interface Due {
  readonly ending: Ending;
  readonly at: number;
}

/** The place of one of them in the order of ends. */
export type Deadline = Place<Due>;

/** Ends whatever has been in it for `durationMs`. */
export interface Deadlines {
  add(ending: Ending): Deadline;
  /** Does nothing for what has ended. */
  remove(deadline: Deadline): void;
}

/**
 * One timer for all that last equally long, since a timer for each costs more than many a call. They end in the order in which they came, so only
 * the first has to be looked at; the timer is left running when that one goes.
 */
export function createDeadlines(durationMs: number): Deadlines {
  const line = createLine<Due>();
  let timer: NodeJS.Timeout | null = null;

  const look = (): void => {
    timer = null;
    const now = performance.now();
    for (let place = line.first(); place?.item; place = line.first()) {
      const { ending, at } = place.item;
      if (at > now) {
        timer = timerIn(at - now);
        return;
      }
      line.leave(place);
      ending.over();
    }
  };
  // At least a millisecond, so that rounding never makes it turn in place.
  const timerIn = (ms: number) => setTimeout(look, Math.max(1, Math.ceil(ms))).unref();

  return {
    add: (ending) => {
      timer ??= timerIn(durationMs);
      return line.join({ ending, at: performance.now() + durationMs });
    },
    remove: line.leave,
  };
}
