import { setMaxListeners } from 'node:events';
import { isSuspect, type Lease, LeaseLostError, type WorkKey, type WorkQueue } from '../store/work.js';

/** So that the death of a process that holds one can only be that one's doing, as far as any are suspected. */
const MOST_SUSPECTS = 1;

/** A lease in use: `signal` aborts once it can no longer be proven, and from then on its holder touches nothing. */
export interface HeldLease {
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

interface Entry {
  readonly lease: Lease;
  readonly controller: AbortController;
  /** On the monotonic clock: when the last request that extended it was sent. */
  provenAt: number;
}

/**
 * Keeps the leases of this process alive and takes them away in time. Each counts from BEFORE the request that took or extended it,
 * on the monotonic clock, and is given up at two thirds of its life: what its holder still has under way then ends
 * well before Redis hands the key to somebody else.
 */
export class HeldLeases {
  private readonly entries = new Map<WorkKey, Entry>();
  private timer: NodeJS.Timeout | null = null;
  private renewing = false;

  constructor(
    private readonly queue: WorkQueue,
    private readonly ttlMs: number,
    private readonly monotonicNow: () => number = () => performance.now(),
  ) {}

  start(): void {
    this.timer ??= setInterval(() => void this.tick(), this.ttlMs / 10);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Takes keys that are due; `askedAt` of their leases is the moment before the request. */
  async take(count: number): Promise<readonly HeldLease[]> {
    const askedAt = this.monotonicNow();
    const suspects = [...this.entries.values()].filter(({ lease }) => isSuspect(lease)).length;
    const leases = await this.queue.take(count, this.ttlMs, Math.max(0, MOST_SUSPECTS - suspects));
    return leases.map((lease) => {
      const controller = new AbortController();
      // Calls to many engines at once listen to it.
      setMaxListeners(0, controller.signal);
      this.entries.set(lease.key, { lease, controller, provenAt: askedAt });
      return { lease, signal: controller.signal };
    });
  }

  /** To be called when the work on a key has ended, before or instead of releasing it. */
  drop(lease: Lease): void {
    if (this.entries.get(lease.key)?.lease.token === lease.token) this.entries.delete(lease.key);
  }

  /** Takes all leases from their holders at once. */
  abandon(): void {
    for (const entry of this.entries.values()) this.abort(entry);
  }

  private async tick(): Promise<void> {
    this.expire();
    if (this.renewing || this.entries.size === 0) return;
    this.renewing = true;
    try {
      await this.renew();
    } catch {
      // Redis is away: the leases run out by themselves in expire().
    } finally {
      this.renewing = false;
    }
  }

  private async renew(): Promise<void> {
    const askedAt = this.monotonicNow();
    const stale = [...this.entries.values()].filter((entry) => askedAt - entry.provenAt > this.ttlMs / 5);
    if (stale.length === 0) return;
    const lost = new Set(
      await this.queue.renew(
        stale.map((entry) => entry.lease),
        this.ttlMs,
      ),
    );
    for (const entry of stale) {
      if (lost.has(entry.lease.key)) this.abort(entry);
      else entry.provenAt = askedAt;
    }
  }

  private expire(): void {
    const now = this.monotonicNow();
    for (const entry of this.entries.values()) {
      if (now - entry.provenAt > (this.ttlMs * 2) / 3) this.abort(entry);
    }
  }

  private abort(entry: Entry): void {
    this.drop(entry.lease);
    entry.controller.abort(new LeaseLostError(entry.lease.key));
  }
}
