import type { IngressLog } from './log.js';

export interface SleepWatchDeps {
  /** Monotonic, in milliseconds. */
  now(): number;
  readonly log: IngressLog;
  readonly options: { readonly everyMs: number; readonly heartbeatTtlMs: number };
}

/** Finds out that this process was frozen. */
export interface SleepWatch {
  /** When it woke last; to be asked on each beat and before each use of the routes, so that whatever comes first finds it out. */
  wokeAt(now?: number): number;
  /** Null: it is awake. Else resolves when `over` is called, or has not been for a while. */
  waking(): Promise<void> | null;
  over(): void;
}

/** For the store to be heard again. */
const WAKING_MS = 2_000;

/**
 * Who was frozen for so long that its heartbeat may have lapsed was not waited for: where its routes lead there may be nothing by now, or another
 * container.
 */
export function createSleepWatch({ now: clock, log, options }: SleepWatchDeps): SleepWatch {
  const longestPauseMs = Math.max(options.heartbeatTtlMs / 2, options.everyMs * 2);
  let awakeAt: number | null = null;
  let wokeAt = Number.NEGATIVE_INFINITY;
  let waking: { readonly over: Promise<void>; readonly end: () => void } | null = null;

  const begin = (): NonNullable<typeof waking> => {
    let end = () => undefined as void;
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), WAKING_MS);
      end = () => {
        clearTimeout(timer);
        waking = null;
        resolve();
      };
    });
    return { over, end: () => end() };
  };

  const notice = (now = clock()): number => {
    if (awakeAt !== null && now - awakeAt > longestPauseMs) {
      log.warn({ forMs: Math.round(now - awakeAt) }, 'this process was held up for so long that its routes may be old');
      wokeAt = now;
      waking ??= begin();
    }
    awakeAt = now;
    return wokeAt;
  };

  return {
    wokeAt: notice,
    waking: () => {
      notice();
      return waking === null ? null : waking.over;
    },
    over: () => waking?.end(),
  };
}
