import type { Trouble } from '../../src/domain/trouble.js';
import { type Lease, type Release, SUSPECT_DEATHS, type WorkKey, type WorkQueue } from '../../src/store/work.js';

/** A work queue in this process, with the faults that one far away has. */
export interface MemoryQueue extends WorkQueue {
  /** What was given back, oldest first. */
  readonly released: ({ readonly key: WorkKey } & Release)[];
  readonly renewals: number;
  /** Makes a key due and says so, also while calls fail: it is somebody else's doing. */
  put(key: WorkKey): void;
  /** Takes a lease from its holder, who is not told. */
  lose(key: WorkKey): void;
  /** Something happened to a key that is leased. */
  hint(key: WorkKey): void;
  /** Every call fails with it from now on; null ends that. */
  fail(error: Error | null): void;
}

interface Held {
  readonly fence: number;
  readonly token: string;
  until: number;
  /** Due at its release by then, whatever its holder says. */
  wake: number | null;
}

const now = () => performance.now();

/** Who holds which key, and until when. It throws for nothing and knows no faults. */
class Entries {
  private readonly due = new Map<WorkKey, number>();
  private readonly held = new Map<WorkKey, Held>();
  private readonly unclean = new Set<WorkKey>();
  private readonly troubles = new Map<WorkKey, Trouble & { readonly lastAt: number; readonly lapsed: number | null }>();
  private fence = 0;

  constructor(private readonly tell: (key: WorkKey) => void) {}

  makeDue(key: WorkKey, at: number): void {
    const held = this.held.get(key);
    if (held) held.wake = Math.min(at, held.wake ?? at);
    else this.due.set(key, Math.min(at, this.due.get(key) ?? at));
    if (at <= now()) this.tell(key);
  }

  take(count: number, ttlMs: number, suspects: number): readonly Lease[] {
    let left = suspects;
    const isFree = (key: WorkKey): boolean => {
      const deaths = (this.troubles.get(key)?.deaths ?? 0) + (this.held.has(key) ? 1 : 0);
      return deaths < SUSPECT_DEATHS || (left -= 1) >= 0;
    };
    const ready = [...this.lapses(), ...this.due].filter(([, at]) => at <= now());
    ready.sort(([one, oneAt], [other, otherAt]) => oneAt - otherAt || (one < other ? -1 : 1));
    return ready
      .filter(([key]) => isFree(key))
      .slice(0, count)
      .map(([key]) => this.lease(key, ttlMs));
  }

  private lease(key: WorkKey, ttlMs: number): Lease {
    const former = this.held.get(key);
    if (former) {
      this.unclean.add(key);
      this.count(key, '', former.fence);
    }
    const wake = former?.wake && former.wake > now() ? former.wake : null;
    this.fence += 1;
    const held = { fence: this.fence, token: `token-${this.fence}`, until: now() + ttlMs, wake };
    this.due.delete(key);
    this.held.set(key, held);
    const known = this.troubles.get(key);
    const trouble = known ? { ...known, agoMs: now() - known.lastAt } : null;
    return { key, fence: held.fence, token: held.token, unclean: this.unclean.has(key), trouble };
  }

  private count(key: WorkKey, reason: string, lapsed: number | null): void {
    const known = this.troubles.get(key) ?? { count: 0, deaths: 0, since: now(), parkedAt: null, noted: false };
    const deaths = known.deaths + (lapsed === null ? 0 : 1);
    this.troubles.set(key, { ...known, count: known.count + 1, deaths, reason, lastAt: now(), lapsed });
  }

  private outlived({ key, fence }: Lease, failed: string | undefined): void {
    const known = this.troubles.get(key);
    if (known?.lapsed !== fence) return;
    const count = known.count - (failed === undefined ? 1 : 0);
    const rest = { count, deaths: known.deaths - 1, lapsed: null, reason: failed ?? known.reason };
    if (count === 0) this.troubles.delete(key);
    else this.troubles.set(key, { ...known, ...rest });
  }

  /** False: it is not held any more. */
  renew(lease: Lease, ttlMs: number): boolean {
    const held = this.of(lease);
    if (held) held.until = now() + ttlMs;
    return held !== undefined;
  }

  release(lease: Lease, { delayMs, clean, failed, tried = true }: Release): void {
    const held = this.of(lease);
    if (!held) return this.outlived(lease, failed);
    this.held.delete(lease.key);
    if (failed !== undefined) this.count(lease.key, failed, null);
    else if (tried) this.troubles.delete(lease.key);
    if (clean) this.unclean.delete(lease.key);
    else this.unclean.add(lease.key);
    const times = [...(delayMs === null ? [] : [now() + delayMs]), ...(held.wake === null ? [] : [held.wake])];
    if (times.length > 0) this.makeDue(lease.key, Math.min(...times));
  }

  lose(key: WorkKey): void {
    this.held.delete(key);
  }

  dueTimes(): readonly number[] {
    return [...this.due.values()];
  }

  lapses(): readonly (readonly [WorkKey, number])[] {
    return [...this.held].map(([key, { until }]) => [key, until] as const);
  }

  private of({ key, fence, token }: Lease): Held | undefined {
    const held = this.held.get(key);
    return held?.fence === fence && held.token === token ? held : undefined;
  }
}

export function createMemoryQueue(): MemoryQueue {
  const listeners = new Set<(key: WorkKey) => void>();
  const released: MemoryQueue['released'] = [];
  let renewals = 0;
  let fault: Error | null = null;
  const answer = async <T>(value: () => T): Promise<T> => {
    if (fault) throw fault;
    return value();
  };
  const hint = (key: WorkKey) => {
    for (const listener of listeners) listener(key);
  };
  const entries = new Entries(hint);
  const given = new Map<string, readonly Lease[]>();
  return {
    released,
    get renewals() {
      return renewals;
    },
    put: (key) => entries.makeDue(key, now()),
    lose: (key) => entries.lose(key),
    hint,
    fail(error) {
      fault = error;
    },
    take: (count, ttlMs, suspects = count, requestId = '') =>
      answer(() => {
        const leases = given.get(requestId) ?? entries.take(count, ttlMs, suspects);
        if (requestId !== '' && leases.length > 0) given.set(requestId, leases);
        return leases;
      }),
    renew: (leases, ttlMs) =>
      answer(() => {
        renewals += 1;
        return leases.filter((lease) => !entries.renew(lease, ttlMs)).map(({ key }) => key);
      }),
    release: (lease, how) =>
      answer(() => {
        released.push({ key: lease.key, ...how });
        entries.release(lease, how);
      }),
    enqueue: (key, delayMs) => answer(() => entries.makeDue(key, now() + delayMs)),
    onHint(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    nextDue: () =>
      answer(() => {
        const times = [...entries.dueTimes(), ...entries.lapses().map(([, at]) => at)];
        return times.length === 0 ? null : Math.max(0, Math.min(...times) - now());
      }),
    backlog: () =>
      answer(() => {
        const times = entries.dueTimes();
        return { keys: times.length, oldestMs: Math.max(0, now() - Math.min(now(), ...times)) };
      }),
  };
}
