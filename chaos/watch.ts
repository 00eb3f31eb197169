import { setTimeout as delay } from 'node:timers/promises';
import { CODE } from './api.js';
import { isAtRest, restFaults, unwantedFaults } from './at-rest.js';
import type { Calls } from './calls.js';
import type { DockerContainer, DockerView } from './docker.js';
import type { ContainerRecord, Entry, Ledger } from './ledger.js';

/** A rollback to what is active leaves it stopped. */
function makesServe({ entries, stopAskedAfter }: ContainerRecord, entry: Entry): boolean {
  const makes = entry.method === 'DeployRevision' || entry.method === 'Start';
  return makes && entries.indexOf(entry) >= stopAskedAfter;
}

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

/** Several instances of a container ran, while nothing of it was under way. */
export interface Crowd {
  readonly container: string;
  /** Operations until then: one more, and it is another crowd. */
  readonly operations: number;
  /** Of the Docker containers. */
  readonly names: string;
  readonly hosts: readonly string[];
  readonly from: number;
  to: number;
}

const OPERATIONS_MS = 300;
const REST_MS = 400;
const DOCKER_MS = 1_000;
/** Seen twice within that, it was there in between. */
const APART_MS = 10_000;
/** Done operations that are read again each time. */
const AGAIN = 5;

/** Looks on while it goes on: what can be wrong at any time is said at once, and what is needed to judge afterwards is noted. */
export class Watch {
  /** Of each container, by its id: where it was seen to run, and when. */
  readonly stays = new Map<string, Stay[]>();
  /** What is to be thought of them depends on the faults that were in force. */
  readonly crowds: Crowd[] = [];
  private running = true;
  private turn = 0;
  private restTurn = 0;

  constructor(private readonly parts: WatchParts) {}

  async run(): Promise<void> {
    await Promise.all([
      this.repeat(OPERATIONS_MS, () => this.readOperations()),
      this.repeat(REST_MS, () => this.readOneAtRest()),
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
    const { ledger, docker, gpuOverlaps } = this.parts;
    for (const line of gpuOverlaps()) ledger.violation(line);
    const askedAt = Date.now();
    const resting = ledger.containers.filter(isAtRest);
    const looks = await Promise.all(docker.map((view) => view.containers().catch(() => null)));
    const found = looks.flatMap((all) => all ?? []);
    this.note(found);
    for (const line of unwantedFaults(found, ledger.containers, askedAt)) ledger.violation(line);
    // Where one engine did not answer it is not known what else runs.
    if (!looks.includes(null)) for (const record of resting) if (isAtRest(record)) this.noteCrowd(record, found);
  }

  private async repeat(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (this.running) {
      await look();
      await delay(everyMs);
    }
  }

  private async readOneAtRest(): Promise<void> {
    const { ledger, calls } = this.parts;
    const resting = ledger.containers.filter(isAtRest);
    const record = resting[this.restTurn++ % resting.length];
    if (record === undefined) return;
    for (const line of await restFaults(record, calls)) ledger.violation(line);
    ledger.count('containers read at rest');
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
    if (succeeded && container !== undefined && makesServe(container, entry)) container.servesSince ??= Date.now();
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

  private noteCrowd({ id, entries }: ContainerRecord, found: readonly DockerContainer[]): void {
    const running = found.filter((one) => one.container === id && one.running);
    if (running.length < 2) return;
    const now = Date.now();
    const names = running
      .map(({ name }) => name)
      .sort()
      .join(' and ');
    const last = this.crowds.findLast((one) => one.container === id);
    if (last?.names === names && last.operations === entries.length && now - last.to < APART_MS) last.to = now;
    else {
      const hosts = [...new Set(running.map(({ host }) => host))];
      this.crowds.push({ container: id, operations: entries.length, names, hosts, from: now, to: now });
    }
  }
}
