import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isSuspect, type Lease, LeaseLostError, type WorkKey, type WorkQueue } from '../store/work.js';

/** So that the death of a process that holds one can only be that one's doing, as far as any are suspected. */
const MOST_SUSPECTS = 1;

/** A lease in use: `signal` aborts once it can no longer be proven, and from then on its holder touches nothing. */
export interface HeldLease {
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** A request to take work. */
interface Asking {
  readonly id: string;
  readonly askedAt: number;
  readonly count: number;
  readonly suspects: number;
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
  /** What it got is not known, and would lapse as if its holder had died. */
  private unanswered: Asking | null = null;

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

  /** Takes keys that are due; their leases count from the moment before they were asked for. To be called again when the call before has ended. */
  async take(count: number): Promise<readonly HeldLease[]> {
    const asking = this.unanswered ?? this.askFor(count);
    this.unanswered = asking;
    const leases = await this.queue.take(asking.count, this.ttlMs, asking.suspects, asking.id);
    const { askedAt } = asking;
    const late = this.isOver(askedAt);
    // Should that fail, they are asked for and given back once more.
    if (late) await this.giveBackUntouched(leases);
    this.unanswered = null;
    if (late) return [];
    return leases.map((lease) => {
      const controller = new AbortController();
      // Calls to many engines at once listen to it.
      setMaxListeners(0, controller.signal);
      this.entries.set(lease.key, { lease, controller, provenAt: askedAt });
      return { lease, signal: controller.signal };
    });
  }

  private askFor(count: number): Asking {
    const suspects = [...this.entries.values()].filter(({ lease }) => isSuspect(lease)).length;
    const id = randomBytes(12).toString('hex');
    return { id, askedAt: this.monotonicNow(), count, suspects: Math.max(0, MOST_SUSPECTS - suspects) };
  }

  private async giveBackUntouched(leases: readonly Lease[]): Promise<void> {
    await Promise.all(
      leases.map((lease) => this.queue.release(lease, { delayMs: 0, clean: !lease.unclean, tried: false })),
    );
  }

  /** Whether a lease that was asked for at that time can no longer be proven. */
  private isOver(provenAt: number): boolean {
    return this.monotonicNow() - provenAt > (this.ttlMs * 2) / 3;
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
    for (const entry of this.entries.values()) if (this.isOver(entry.provenAt)) this.abort(entry);
  }

  private abort(entry: Entry): void {
    this.drop(entry.lease);
    entry.controller.abort(new LeaseLostError(entry.lease.key));
  }
}
