import { setTimeout as delay } from 'node:timers/promises';
import { CODE } from './api.js';
import type { Calls } from './calls.js';
import type { DockerContainer, DockerView } from './docker.js';
import type { Entry, Ledger } from './ledger.js';

export interface WatchParts {
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly docker: readonly DockerView[];
  /** What the stand-in GPUs of all hosts saw go wrong so far, a line each. */
  readonly gpuOverlaps: () => readonly string[];
}

/** A container had a running instance there. */
export interface Stay {
  readonly host: string;
  readonly from: number;
  to: number;
}

const OPERATIONS_MS = 300;
const DOCKER_MS = 1_000;
/** Seen twice within that, it was there in between. */
const APART_MS = 10_000;
/** Done operations that are read again each time. */
const AGAIN = 5;

/** Looks on while it goes on: what can be wrong at any time is said at once, and what is needed to judge afterwards is noted. */
export class Watch {
  /** Of each container, by its id: where it was seen to run, and when. */
  readonly stays = new Map<string, Stay[]>();
  private running = true;
  private turn = 0;

  constructor(private readonly parts: WatchParts) {}

  async run(): Promise<void> {
    await Promise.all([
      this.repeat(OPERATIONS_MS, () => this.readOperations()),
      this.repeat(DOCKER_MS, () => this.lookAtDocker()),
    ]);
  }

  stop(): void {
    this.running = false;
  }

  /** All that are not done, and some of the others. */
  async readOperations(): Promise<void> {
    const all = [...this.parts.ledger.entries];
    const open = all.filter(({ end }) => end === null);
    const done = all.filter(({ end }) => end !== null);
    const again = Array.from({ length: Math.min(AGAIN, done.length) }, () => done[this.turn++ % done.length]);
    await Promise.all([...open, ...again].map(async (entry) => entry && this.read(entry)));
  }

  async lookAtDocker(): Promise<void> {
    for (const line of this.parts.gpuOverlaps()) this.parts.ledger.violation(line);
    await Promise.all(
      this.parts.docker.map((view) =>
        view.containers().then(
          (all) => this.note(all),
          () => {},
        ),
      ),
    );
  }

  private async repeat(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (this.running) {
      await look();
      await delay(everyMs);
    }
  }

  private async read(entry: Entry): Promise<void> {
    const { ledger, calls } = this.parts;
    const askedAt = Date.now();
    const answer = await calls.once('Get operation', (api) => api.operation(entry.operationId));
    if (answer === null) return;
    if ('refusal' in answer) {
      if (answer.refusal.code === CODE.NOT_FOUND)
        ledger.violation(`operation ${entry.operationId} was acknowledged and is gone`);
      return;
    }
    const before = entry.end;
    ledger.read(entry, answer.reply, askedAt);
    if (before === null && entry.end !== null) this.ended(entry);
  }

  private ended(entry: Entry): void {
    const { ledger } = this.parts;
    const succeeded = entry.end?.operation.response != null;
    const container = ledger.containers.find(({ id }) => id === entry.containerId);
    if (succeeded && !entry.canSucceed)
      ledger.violation(`operation ${entry.operationId} succeeded with an image that cannot`);
    if (succeeded && container !== undefined && entry.revisionId !== null) container.servesSince ??= Date.now();
    ledger.count(`ended ${entry.method} ${succeeded ? 'OK' : `code ${entry.end?.operation.error?.code}`}`);
  }

  private note(found: readonly DockerContainer[]): void {
    const now = Date.now();
    for (const { container, host, running } of found) {
      if (!running) continue;
      const stays = this.stays.get(container) ?? [];
      this.stays.set(container, stays);
      const last = stays.filter((one) => one.host === host).at(-1);
      if (last !== undefined && now - last.to < APART_MS) last.to = now;
      else stays.push({ host, from: now, to: now });
    }
  }
}
