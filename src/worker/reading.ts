import type { LoadedContainer } from '../store/work.js';
import type { GoOn } from './apply/context.js';

/** What Redis says of one container while its key is held. */
export interface Reading {
  /** Read anew where there is `news`, or where the last step may have changed more than it said; null: the container is gone. */
  of(news: boolean): Promise<LoadedContainer | null>;
  /** Redis time, carried on by our monotonic clock since the last reading. */
  now(): number;
  /** Whether it says something that Redis does not know yet. */
  unwritten(): boolean;
  /** What the step says that a reading would say; nothing: it is not gone on from. */
  goOn(from?: Pick<GoOn, 'loaded' | 'unwritten'>): void;
}

/** A holder's own writes are all that changes a container, but for what it hears of. So one reading lasts until it has been heard that there is more. */
export function createReading(
  load: () => Promise<LoadedContainer | null>,
  monotonicNow: () => number = () => performance.now(),
): Reading {
  let known: LoadedContainer | null = null;
  let unwritten = false;
  let offset = 0;
  const now = (): number => Math.floor(offset + monotonicNow());
  return {
    now,
    unwritten: () => unwritten,
    async of(news) {
      if (known !== null && !news) return { ...known, now: now() };
      unwritten = false;
      known = await load();
      if (known !== null) offset = known.now - monotonicNow();
      return known;
    },
    goOn(from = {}) {
      known = from.loaded ?? null;
      unwritten = from.unwritten ?? false;
    },
  };
}
