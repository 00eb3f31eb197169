import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until `look` returns something other than undefined or false, and returns that. An error that `look` throws counts
 * as "not yet" and is shown when the time is up.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown = 'it was not so';
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last });
    await delay(25);
  }
}
