import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, FaultKind, Path } from './faults/fault.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

/** A fault that was, or is. */
export interface FaultRecord {
  readonly kind: string;
  readonly name: string;
  readonly paths: readonly Path[];
  readonly from: number;
  /** When what it hit was as before; null: it is in force. */
  to: number | null;
  readonly recoversMs: number;
}

const EVERY_MS = 1_000;
/** Of those that last. More at once, and nothing works any more that could go wrong. */
const AT_ONCE = 4;

/** Faults, one a second, as a seed decides. */
export class Storm {
  readonly records: FaultRecord[] = [];
  /** Faults that could not be planted or lifted: a fault of this program. */
  readonly failures: string[] = [];
  private readonly inForce = new Map<Fault, Promise<void>>();
  private readonly lifting = new AbortController();

  constructor(
    private readonly stage: Stage,
    private readonly kinds: readonly FaultKind[],
    private readonly random: Random,
  ) {}

  async run(seconds: number): Promise<void> {
    const weights = Object.fromEntries(this.kinds.map(({ kind, weight }) => [kind, weight]));
    const end = Date.now() + seconds * 1_000;
    for (let next = Date.now() + EVERY_MS; next < end; next += EVERY_MS) {
      await delay(Math.max(0, next - Date.now()));
      if (this.lifting.signal.aborted) return;
      const chosen = this.random.weighted(weights);
      const kind = this.kinds.find((one) => one.kind === chosen);
      const fault = await kind?.prepare(this.stage, this.random);
      if (this.lifting.signal.aborted) return;
      if (fault && this.isFree(fault) && this.inForce.size < AT_ONCE) this.begin(chosen, fault);
    }
  }

  /** No more from here on. Lifts all, and resolves when everything is as before. */
  async calm(): Promise<void> {
    this.lifting.abort();
    await Promise.all(this.inForce.values());
  }

  private isFree({ targets }: Fault): boolean {
    return ![...this.inForce.keys()].some((other) => other.targets.some((target) => targets.includes(target)));
  }

  private begin(kind: string, fault: Fault): void {
    const { name, paths, recoversMs } = fault;
    const record: FaultRecord = { kind, name, paths, from: Date.now(), to: null, recoversMs };
    this.records.push(record);
    const over = this.play(fault, record)
      .catch((error: unknown) => void this.failures.push(`${name}: ${String(error)}`))
      .finally(() => this.inForce.delete(fault));
    this.inForce.set(fault, over);
  }

  private async play(fault: Fault, record: FaultRecord): Promise<void> {
    try {
      await fault.begin();
      await delay(fault.forMs, undefined, { signal: this.lifting.signal }).catch(() => {});
    } finally {
      await fault.lift();
      record.to = Date.now();
    }
  }
}
