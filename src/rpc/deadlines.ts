/** What can be ended because its time is over. */
export interface Ending {
  over(): void;
}

/** The place of one of them in the order of ends. */
export interface Deadline {
  /** Null once it has ended or was removed. */
  item: Ending | null;
  readonly at: number;
  before: Deadline | null;
  after: Deadline | null;
}

/** Ends whatever has been in it for `durationMs`. */
export interface Deadlines {
  add(item: Ending): Deadline;
  /** Does nothing for what has ended. */
  remove(deadline: Deadline): void;
}

/**
 * One timer for all that last equally long, since a timer for each costs more than many a call. They end in the order in which they came, so only
 * the first has to be looked at; the timer is left running when that one goes.
 *
 * A list of their own and not a Map: the tables that a Map leaves behind when it makes room go on pointing to what was in them, and keep finished calls
 * with all their streams from being collected while they are young. That cost a short call a fifth of its time.
 */
export function createDeadlines(durationMs: number): Deadlines {
  let first: Deadline | null = null;
  let last: Deadline | null = null;
  let timer: NodeJS.Timeout | null = null;

  const remove = (deadline: Deadline): void => {
    if (deadline.item === null) return;
    const { before, after } = deadline;
    if (before === null) first = after;
    else before.after = after;
    if (after === null) last = before;
    else after.before = before;
    // What is removed must not lead to what is still there, for the same reason.
    deadline.item = deadline.before = deadline.after = null;
  };
  const look = (): void => {
    timer = null;
    const now = performance.now();
    while (first !== null) {
      const { item, at } = first;
      if (at > now) {
        timer = timerIn(at - now);
        return;
      }
      remove(first);
      item?.over();
    }
  };
  // At least a millisecond, so that rounding never makes it turn in place.
  const timerIn = (ms: number) => setTimeout(look, Math.max(1, Math.ceil(ms))).unref();

  return {
    add: (item) => {
      const added: Deadline = { item, at: performance.now() + durationMs, before: last, after: null };
      if (last === null) first = added;
      else last.after = added;
      last = added;
      timer ??= timerIn(durationMs);
      return added;
    },
    remove,
  };
}
