import type { FaultRecord } from './storm.js';

const BEAT_MS = 50;
/** Late by more than this, and others were late too. */
const LATE_MS = 250;
const RECOVERS_MS = 1_000;

/**
 * Times in which this program did not get the processor. Those that it watches did not get it either, and what they say to Redis and to
 * engines goes through it: a fault like any other, with everything in its way.
 */
export class Stalls {
  readonly records: FaultRecord[] = [];
  private last = Date.now();
  private readonly timer = setInterval(() => this.beat(), BEAT_MS);

  stop(): void {
    clearInterval(this.timer);
  }

  /** In ms. */
  get total(): number {
    return this.records.reduce((sum, { from, to }) => sum + ((to ?? from) - from), 0);
  }

  private beat(): void {
    const now = Date.now();
    if (now - this.last > BEAT_MS + LATE_MS) {
      const name = 'this machine had too much to do';
      this.records.push({
        kind: 'stall',
        name,
        paths: [EVERYTHING],
        from: this.last,
        to: now,
        recoversMs: RECOVERS_MS,
      });
    }
    this.last = now;
  }
}

/** The path of a fault that is in the way of everything. */
export const EVERYTHING = '*';
