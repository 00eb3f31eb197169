import type { Readiness, ReadinessCheck } from './http/readiness.js';
import type { Logger } from './log.js';

type Stop = (deadlineMs: number) => Promise<void> | void;

/** What a process consists of while it runs: each part with how to end it and how it is. */
export class Parts {
  private readonly stops: Stop[] = [];
  private readonly checks: Record<string, ReadinessCheck> = {};

  constructor(private readonly log: Logger) {}

  /** To be ended in the order opposite to this. `stop` gets the milliseconds that are left. */
  add(stop: Stop): void {
    this.stops.push(stop);
  }

  /** Replaces what was said of the part before. */
  reports(part: string, check: ReadinessCheck): void {
    this.checks[part] = check;
  }

  /** Changes with what is reported. */
  get readiness(): Readiness {
    return this.checks;
  }

  /** Null: that part is ready. */
  reasonOf(part: string): string | null {
    return this.checks[part]?.() ?? null;
  }

  /** Never rejects. */
  async stop(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    for (const stop of this.stops.splice(0).reverse()) {
      try {
        await stop(Math.max(deadline - performance.now(), 0));
      } catch (error) {
        this.log.error({ err: error }, 'a part did not stop cleanly');
      }
    }
  }
}
