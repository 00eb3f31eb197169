import { DomainError } from '../domain/errors.js';
import { withoutPasswords } from '../log.js';
import type { Lease, Release, WorkKey, WorkQueue } from '../store/work.js';
import { LeaseLostError } from '../store/work.js';
import type { HeldLease } from './held-leases.js';
import { HeldLeases } from './held-leases.js';

/** When a key is to be looked at again. `clean: false`: a call's outcome is unknown, the next holder renames first. */
export type Next = Omit<Release, 'failed'>;

/** Works one key under its lease until nothing is left to do now. */
export type KeyWork = (held: HeldLease, hints: Hints) => Promise<Next>;

/** Lets the work on a key sleep until something happens to it. */
export interface Hints {
  /** Ends after `ms`, at a hint for the key, or with the signal; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Whether something happened to the key since this was asked last, or since the work last slept. */
  heard(): boolean;
  /** The worker is to stop: the work ends at its next step and gives its key back, due at once. */
  draining(): boolean;
}

interface Sleeper {
  hinted: boolean;
  wake: () => void;
}

export interface WorkerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a worker counts. */
export interface WorkerMetrics {
  /** From its submit to its end; `step`: DONE, or where it failed; `result`: OK or the code of its failure. */
  operationEnded(kind: string, step: string, result: string, seconds: number): void;
  stepRetried(cause: string): void;
  leaseLost(): void;
  /** Work on a key ended in a way that nobody foresaw. */
  workFailed(): void;
}

export interface WorkerDeps {
  readonly queue: WorkQueue;
  readonly work: { readonly container: KeyWork; readonly host: KeyWork };
  readonly log: WorkerLog;
  readonly metrics: WorkerMetrics;
  readonly leaseTtlMs: number;
  /** How many keys are worked at once, those aside that take long. */
  readonly width: number;
  /** A key that has been in hand for so long takes long; 5 s by default. */
  readonly slowMs?: number;
}

/** After a fault that nobody foresaw, and after one of Redis. */
const FAULT_DELAY_MS = 1_000;
/** Due keys are asked for at least this often, since hints may be lost. */
const POLL_MS = 1_000;
/** Other workers may be free as well: beyond so many, one asks for work for half of its free hands at a time, so that they share what is due. */
const FEW = 16;
/**
 * What has been in hand for so long waits for somebody else: an engine that hangs, a pull. It takes no hand from the others then, up to so many times
 * the width in all.
 */
const SLOW_MS = 5_000;
const MOST_WIDTHS = 4;
/** Redis counts whole milliseconds: what is due in none may not be due yet. */
const LEAST_PAUSE_MS = 5;

/** Leases keys that are due and works them side by side; slow keys hold up nothing but themselves. */
export class Worker {
  private readonly leases: HeldLeases;
  private readonly sleepers = new Map<WorkKey, Sleeper>();
  /** When each was begun, the oldest first. */
  private readonly inProgress = new Map<Promise<void>, number>();
  private wake: () => void = () => {};
  /** Something may be due now. */
  private hinted = true;
  /** On the monotonic clock: when something may be due though nobody says so. */
  private dueAt = 0;
  private stopping = false;
  private loop: Promise<void> = Promise.resolve();
  private unsubscribe: () => void = () => {};
  /** What could not be said of keys, since Redis was away. */
  private owed: { readonly lease: Lease; readonly how: Release }[] = [];

  private readonly slowMs: number;

  constructor(private readonly deps: WorkerDeps) {
    this.slowMs = deps.slowMs ?? SLOW_MS;
    this.leases = new HeldLeases(deps.queue, deps.leaseTtlMs);
  }

  start(): void {
    this.leases.start();
    this.unsubscribe = this.deps.queue.onHint((key) => this.hint(key));
    this.loop = this.run();
  }

  /**
   * Takes nothing new and lets what runs come to the end of its present step, which releases its lease. A step that is not over at the deadline
   * (a long pull, an engine that hangs) is cut: its lease lapses, and the next holder takes over as after a crash.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.loop;
    for (const sleeper of this.sleepers.values()) sleeper.wake();
    const cut = setTimeout(() => this.leases.abandon(), deadlineMs);
    await Promise.all(this.inProgress.keys());
    clearTimeout(cut);
    this.unsubscribe();
    this.leases.stop();
  }

  /** Asks for work when there may be some, and only then: what ends here tells nothing about what is due. */
  private async run(): Promise<void> {
    while (!this.stopping) {
      const free = this.free();
      if (free > 0 && this.mayBeDue()) await this.takeDue(free);
      else await this.pause();
    }
  }

  private free(): number {
    const { width } = this.deps;
    return Math.min(width - this.inProgress.size + this.slow(), width * MOST_WIDTHS - this.inProgress.size);
  }

  /** Of those in progress. */
  private slow(): number {
    const since = performance.now() - this.slowMs;
    let count = 0;
    for (const begun of this.inProgress.values()) {
      if (begun > since) break;
      count += 1;
    }
    return count;
  }

  private mayBeDue(): boolean {
    return this.hinted || performance.now() >= this.dueAt;
  }

  private async takeDue(free: number): Promise<void> {
    const count = Math.min(free, Math.max(Math.ceil(free / 2), FEW));
    const { hinted } = this;
    this.hinted = false;
    try {
      // First, since it tells what became of the keys that are taken here.
      await Promise.all(this.owed.splice(0).map(({ lease, how }) => this.giveBack(lease, how)));
      const taking = this.leases.take(count);
      // Where nobody said that something is due, most likely nothing is: both questions leave together then, and wake the process once. Without an
      // answer to the second one it is asked again with the next poll.
      const ahead = hinted ? null : this.lookAhead().catch(() => undefined);
      const held = await taking;
      for (const one of held) this.begin(one);
      await ahead;
      // As many as were asked for: there may be more.
      if (held.length >= count) this.hinted = true;
      else if (this.mayBeDue()) await this.lookAhead();
    } catch (error) {
      this.dueAt = performance.now() + POLL_MS;
      this.deps.log.warn({ err: error }, 'could not take work');
    }
  }

  private async lookAhead(): Promise<void> {
    this.dueAt = performance.now() + POLL_MS;
    const ms = await this.deps.queue.nextDue();
    if (ms !== null) this.dueWithin(ms);
  }

  private dueWithin(ms: number): void {
    this.dueAt = Math.min(this.dueAt, performance.now() + Math.max(ms, LEAST_PAUSE_MS));
  }

  /** Until something may be due, or, with all hands full, until one is free or turns out to be slow. */
  private async pause(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      if (this.stopping) resolve();
      const full = this.free() <= 0;
      timer = setTimeout(resolve, full ? this.slowMs / 5 : this.hinted ? 0 : this.dueAt - performance.now());
    });
    clearTimeout(timer);
  }

  private begin(held: HeldLease): void {
    const work = this.workKey(held).finally(() => {
      this.inProgress.delete(work);
      this.wake();
    });
    this.inProgress.set(work, performance.now());
  }

  private async workKey(held: HeldLease): Promise<void> {
    const { lease } = held;
    const run = lease.key.startsWith('container/') ? this.deps.work.container : this.deps.work.host;
    const sleeper: Sleeper = { hinted: false, wake: () => {} };
    this.sleepers.set(lease.key, sleeper);
    const hints: Hints = {
      sleep: (ms, signal) => this.sleep(sleeper, ms, signal),
      heard: () => {
        const { hinted } = sleeper;
        sleeper.hinted = false;
        return hinted;
      },
      draining: () => this.stopping,
    };
    const how = await run(held, hints).catch((error: unknown) => this.failed(held, error));
    await this.giveBack(lease, how);
    // The key may be in hand again by now: what was given back can be taken before we hear that it was given back.
    if (this.sleepers.get(lease.key) === sleeper) this.sleepers.delete(lease.key);
    // Nobody heard it, and it may have been that the key is due again.
    if (sleeper.hinted) this.hinted = true;
    this.leases.drop(lease);
  }

  /** Nothing is known of what was under way, so the next holder renames. */
  private failed({ lease: { key, fence }, signal }: HeldLease, error: unknown): Release {
    const { log, metrics } = this.deps;
    if (error instanceof LeaseLostError || signal.aborted) {
      metrics.leaseLost();
      log.warn({ key, fence }, new LeaseLostError(key).message);
      return { delayMs: FAULT_DELAY_MS, clean: false, tried: false };
    }
    if (error instanceof DomainError) {
      log.warn({ key, fence, reason: error.message }, 'work on a key was cut short');
      return { delayMs: FAULT_DELAY_MS, clean: false, tried: false };
    }
    metrics.workFailed();
    log.error({ key, fence, err: error }, 'work on a key failed');
    return { delayMs: FAULT_DELAY_MS, clean: false, failed: reasonOf(error) };
  }

  /** If Redis is away, the lease lapses, and what there is to say of it is said later. */
  private async giveBack(lease: Lease, how: Release): Promise<void> {
    try {
      await this.deps.queue.release(lease, how);
      if (how.delayMs !== null) this.dueWithin(how.delayMs);
    } catch (fault) {
      this.owed.push({ lease, how });
      this.deps.log.warn({ key: lease.key, fence: lease.fence, err: fault }, 'a key could not be given back');
    }
  }

  /** Keys that are worked now. */
  get busy(): number {
    return this.inProgress.size;
  }

  /** A hint for a key in hand is remembered until its work sleeps, so that none falls between its reading and its sleep. */
  private hint(key: WorkKey): void {
    const sleeper = this.sleepers.get(key);
    if (!sleeper) {
      this.hinted = true;
      return this.wake();
    }
    sleeper.hinted = true;
    sleeper.wake();
  }

  private sleep(sleeper: Sleeper, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        sleeper.wake = () => {};
        sleeper.hinted = false;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
      sleeper.wake = end;
      if (signal.aborted || this.stopping || sleeper.hinted) end();
    });
  }
}

const LONGEST_REASON = 300;

/** For the operation that it ends, in the end: one line, and of that the beginning. */
function reasonOf(error: unknown): string {
  const kind = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  const text = error instanceof Error ? `${kind}${error.message}` : String(error);
  return withoutPasswords(text).split('\n', 1).join('').slice(0, LONGEST_REASON);
}
