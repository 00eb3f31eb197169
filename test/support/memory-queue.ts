import type { Lease, WorkKey, WorkQueue } from '../../src/store/work.js';

/** A work queue that a test plays by hand: what is due, what is lost, and what was given back. */
export interface MemoryQueue extends WorkQueue {
  readonly released: { readonly key: WorkKey; readonly delayMs: number | null; readonly clean: boolean }[];
  readonly renewals: number;
  /** Makes a key due and says so. */
  put(key: WorkKey, unclean?: boolean): void;
  /** The next renewal says that it is lost. */
  lose(key: WorkKey): void;
  /** Something happened to a key that is leased. */
  hint(key: WorkKey): void;
  /** Every call fails with it from now on; null ends that. */
  fail(error: Error | null): void;
}

export function createMemoryQueue(): MemoryQueue {
  const due: { key: WorkKey; unclean: boolean }[] = [];
  const lost = new Set<WorkKey>();
  const listeners = new Set<(key: WorkKey) => void>();
  const released: MemoryQueue['released'] = [];
  let fence = 0;
  let renewals = 0;
  let fault: Error | null = null;
  const answer = async <T>(value: () => T): Promise<T> => {
    if (fault) throw fault;
    return value();
  };
  const hint = (key: WorkKey) => {
    for (const listener of listeners) listener(key);
  };
  return {
    released,
    get renewals() {
      return renewals;
    },
    put(key, unclean = false) {
      due.push({ key, unclean });
      hint(key);
    },
    lose: (key) => void lost.add(key),
    hint,
    fail(error) {
      fault = error;
    },
    take: (count) =>
      answer(() =>
        due.splice(0, count).map(({ key, unclean }): Lease => {
          fence += 1;
          return { key, unclean, fence, token: `token-${fence}` };
        }),
      ),
    renew: (leases) =>
      answer(() => {
        renewals += 1;
        return leases.map(({ key }) => key).filter((key) => lost.has(key));
      }),
    release: ({ key }, next) => answer(() => void released.push({ key, ...next })),
    enqueue: (key) => answer(() => void due.push({ key, unclean: false })),
    onHint(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    nextDue: () => answer(() => (due.length > 0 ? 0 : null)),
    backlog: () => answer(() => ({ keys: due.length, oldestMs: 0 })),
  };
}
