/** A place in a line. */
export interface Place<Item> {
  /** Null once it was left. */
  item: Item | null;
  before: Place<Item> | null;
  after: Place<Item> | null;
}

/** What is there now, in the order in which it came. Whatever is in it can leave at any time. */
export interface Line<Item> {
  join(item: Item): Place<Item>;
  /** Does nothing for a place that was left. */
  leave(place: Place<Item>): void;
  first(): Place<Item> | null;
  /** A copy: it may be walked while some of it leave. */
  all(): readonly Item[];
}

/**
 * For what comes and goes with every call. A list and not a Set or Map: the tables that those leave behind when they make room go on pointing to what was in
 * them, and keep finished calls with all their streams from being collected while they are young. That cost a short call a fifth of its time.
 */
export function createLine<Item>(): Line<Item> {
  let first: Place<Item> | null = null;
  let last: Place<Item> | null = null;
  return {
    join: (item) => {
      const place: Place<Item> = { item, before: last, after: null };
      if (last === null) first = place;
      else last.after = place;
      last = place;
      return place;
    },
    leave: (place) => {
      if (place.item === null) return;
      const { before, after } = place;
      if (before === null) first = after;
      else before.after = after;
      if (after === null) last = before;
      else after.before = before;
      // A place that was left must not lead to what is still there, for the same reason.
      place.item = place.before = place.after = null;
    },
    first: () => first,
    all: () => {
      const items: Item[] = [];
      for (let place = first; place !== null; place = place.after) if (place.item !== null) items.push(place.item);
      return items;
    },
  };
}
