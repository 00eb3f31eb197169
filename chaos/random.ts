/** A stream of numbers that a seed decides. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number, at least 0, below `limit`. */
  below(limit: number): number;
  between(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** One of the keys, the more often the greater its weight is. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key;
  /** A stream of its own, which does not depend on how much was taken from this one. */
  fork(name: string): Random;
}

export function createRandom(seed: string): Random {
  let state = hashed(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    pick: (list) => {
      const found = list[below(list.length)];
      if (found === undefined) throw new Error('there is nothing to pick from');
      return found;
    },
    weighted: (weights) => weightedKey(weights, next()),
    fork: (name) => createRandom(`${seed}/${name}`),
  };
}

function weightedKey<Key extends string>(weights: Readonly<Record<Key, number>>, at: number): Key {
  const keys = Object.keys(weights) as Key[];
  let left = at * keys.reduce((sum, key) => sum + weights[key], 0);
  for (const key of keys) {
    left -= weights[key];
    if (left < 0) return key;
  }
  throw new Error('there is nothing to pick from');
}

/** FNV-1a. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash | 0;
}
