import { setTimeout as delay } from 'node:timers/promises';
import { type ApiOperation, CODE, subjectOf } from './api.js';
import type { Calls } from './calls.js';
import type { ContainerRecord, Entry, Ledger } from './ledger.js';
import type { Random } from './random.js';
import { type Behaviour, CAN_SUCCEED, deployRequest, type SlotKind, someBehaviour } from './requests.js';

export interface ActorParts {
  /** c1, c2 ...: a part of the names of its containers. */
  readonly name: string;
  readonly kind: SlotKind;
  readonly random: Random;
  readonly calls: Calls;
  readonly ledger: Ledger;
  readonly pulledImage: string;
  readonly folderId: string;
}

const hasDeployed = ({ method, end }: Entry): boolean => method === 'DeployRevision' && end?.operation.response != null;

interface Sent {
  readonly method: Entry['method'];
  readonly request: object;
  readonly key: string;
  readonly operationId: string;
}

/** Whoever waits for an operation gives up at some time. */
const PATIENCE_MS = 45_000;
/** After so many of its actions. */
const STOPS = 0.15;
const WEIGHTS = { DEPLOY: 6, ROLLBACK: 4, CANCEL: 2, REPEAT: 2, DELETE: 1 };

/**
 * A caller who has one container at a time and changes it again and again. Its seed decides what it asks for, and how long it waits
 * in between. It asks again until it knows what became of a request, so that its own order of requests is that of the service.
 */
export class Actor {
  private record: ContainerRecord | null = null;
  private containers = 0;
  private keys = 0;
  private sent: Sent[] = [];
  /** Decides of stops alone, so that seeds which were kept before there were any go on to decide the rest as they did. */
  private readonly stops: Random;
  private stopping = false;

  constructor(private readonly parts: ActorParts) {
    this.stops = parts.random.fork('stops');
  }

  /** Until `stop`, and then until the answer to the last request is there. */
  async run(): Promise<void> {
    while (!this.stopping) {
      const { random } = this.parts;
      const entry = await this.act();
      if (entry !== null && random.next() < 0.7) await this.ended(entry);
      await this.pause(random.between(100, 1_500));
      if (this.stops.next() < STOPS) await this.stopForAWhile();
    }
  }

  stop(): void {
    this.stopping = true;
  }

  private async act(): Promise<Entry | null> {
    const record = this.record;
    if (record === null) return this.create();
    const action = this.parts.random.weighted(WEIGHTS);
    this.parts.ledger.count(`operation ${action.toLowerCase()}`);
    switch (action) {
      case 'DEPLOY':
        return this.deploy(record, someBehaviour(this.parts.kind, this.parts.random));
      case 'ROLLBACK':
        return this.rollback(record);
      case 'CANCEL':
        return this.cancel(record);
      case 'REPEAT':
        await this.repeat(record);
        return null;
      case 'DELETE':
        return this.delete(record);
    }
  }

  private async create(): Promise<Entry | null> {
    const { name: slot, ledger, folderId, kind } = this.parts;
    const name = `${slot}-${++this.containers}`;
    const request = { folder_id: folderId, name };
    const key = this.newKey();
    const operation = await this.send('Create', request, key);
    if (operation === null) return null;
    this.sent = [];
    const id = subjectOf(operation);
    const record: ContainerRecord = {
      id,
      name,
      startFirst: kind.order === 'START_FIRST',
      entries: [],
      revisions: new Map(),
      asking: false,
      deletedAt: null,
      servesSince: null,
      stopAskedAfter: 0,
    };
    ledger.created(record);
    this.record = record;
    return this.note(record, { method: 'Create', request, key, operationId: operation.id }, { revisionId: null });
  }

  private async deploy(record: ContainerRecord, behaviour: Behaviour): Promise<Entry | null> {
    const { random, kind, pulledImage } = this.parts;
    const name = `${record.name}-r${record.revisions.size + 1}`;
    const pulled = behaviour === 'MISSING' || random.next() < 0.4 ? pulledImage : null;
    const request = deployRequest(record.id, kind, { name, behaviour, pulled });
    const key = this.newKey();
    const operation = await this.send('DeployRevision', request, key);
    if (operation === null) return null;
    const revisionId = subjectOf(operation);
    record.revisions.set(revisionId, name);
    const sent: Sent = { method: 'DeployRevision', request, key, operationId: operation.id };
    return this.note(record, sent, { revisionId, canSucceed: CAN_SUCCEED[behaviour] });
  }

  private async rollback(record: ContainerRecord): Promise<Entry | null> {
    const { random } = this.parts;
    const chosen = random.next();
    const good = record.entries.filter(hasDeployed);
    const revisionId = good[Math.floor(chosen * good.length)]?.revisionId ?? null;
    if (revisionId === null) return this.deploy(record, 'ANSWERS');
    const request = { container_id: record.id, revision_id: revisionId };
    const key = this.newKey();
    const operation = await this.send('Rollback', request, key);
    if (operation === null) return null;
    return this.note(record, { method: 'Rollback', request, key, operationId: operation.id }, { revisionId });
  }

  private async cancel(record: ContainerRecord): Promise<Entry | null> {
    const { random } = this.parts;
    const afterMs = random.between(0, 1_500);
    const entry = await this.deploy(record, random.next() < 0.5 ? 'SILENT' : 'ANSWERS');
    if (entry === null) return null;
    await this.giveUp(entry, afterMs);
    return entry;
  }

  private async giveUp(entry: Entry, afterMs: number): Promise<void> {
    await delay(afterMs);
    entry.cancelled = true;
    const key = this.newKey();
    const request = { operation_id: entry.operationId };
    await this.parts.calls.settle('Cancel', (api) => api.change('Cancel', request, key));
  }

  /** The same request with its key once more: the same operation, however long ago. And another request with it: refused. */
  private async repeat(record: ContainerRecord): Promise<void> {
    const { random, calls, ledger } = this.parts;
    const sent = this.sent.length === 0 ? undefined : random.pick(this.sent);
    const other = random.next() < 0.3;
    if (sent === undefined) return;
    const request = other ? { container_id: record.id, revision_id: 'another' } : sent.request;
    const method = other ? 'Rollback' : sent.method;
    if (other && sent.method !== 'Rollback') return;
    const answer = await calls.settle(method, (api) => api.change(method, request, sent.key));
    const got = 'reply' in answer ? answer.reply.id : `code ${answer.refusal.code}: ${answer.refusal.message}`;
    if (!other && got !== sent.operationId)
      ledger.violation(`${method} repeated with its key ${sent.key} is ${got}, and was ${sent.operationId}`);
    if (other && !('refusal' in answer && answer.refusal.code === CODE.INVALID_ARGUMENT))
      ledger.violation(`another ${method} with the key ${sent.key} is ${got}, not refused`);
  }

  /** What it does next ends the stop as well, where a Start does not: a deploy, mostly. */
  private async stopForAWhile(): Promise<void> {
    const { record, stops } = this;
    const afterMs = stops.between(0, 1_000);
    const [cancels, waits, pauseMs, starts] = [
      stops.next() < 0.2,
      stops.next() < 0.7,
      stops.between(0, 5_000),
      stops.next() < 0.7,
    ];
    if (record === null || !record.entries.some(hasDeployed)) return;
    this.parts.ledger.count('operation stop');
    record.servesSince = null;
    record.stopAskedAfter = record.entries.length;
    const stop = await this.askFor('Stop', record);
    if (stop === null) return;
    if (cancels) await this.giveUp(stop, afterMs);
    if (waits) await this.ended(stop);
    await this.pause(pauseMs);
    if (!starts || this.stopping) return;
    this.parts.ledger.count('operation start');
    const start = await this.askFor('Start', record);
    if (start !== null && waits) await this.ended(start);
  }

  private async askFor(method: 'Stop' | 'Start', record: ContainerRecord): Promise<Entry | null> {
    const request = { container_id: record.id };
    const key = this.newKey();
    const operation = await this.send(method, request, key);
    if (operation === null) return null;
    return this.note(record, { method, request, key, operationId: operation.id }, { revisionId: null });
  }

  private async delete(record: ContainerRecord): Promise<Entry | null> {
    const request = { container_id: record.id };
    const key = this.newKey();
    record.deletedAt = Date.now();
    const operation = await this.send('Delete', request, key);
    if (operation === null) return null;
    for (const entry of record.entries) if (entry.end === null) entry.cancelled = true;
    this.record = null;
    return this.note(record, { method: 'Delete', request, key, operationId: operation.id }, { revisionId: null });
  }

  private async send(method: Entry['method'], request: object, key: string): Promise<ApiOperation | null> {
    const { calls, ledger } = this.parts;
    if (this.record !== null) this.record.asking = true;
    const answer = await calls.settle(method, (api) => api.change(method, request, key));
    if ('reply' in answer) return answer.reply;
    const { code, message } = answer.refusal;
    ledger.violation(`${method} of ${JSON.stringify(request)} was refused with code ${code}: ${message}`);
    return null;
  }

  private note(record: ContainerRecord, sent: Sent, more: Pick<Entry, 'revisionId'> & Partial<Entry>): Entry {
    const entry: Entry = {
      operationId: sent.operationId,
      containerId: record.id,
      method: sent.method,
      canSucceed: true,
      scarce: this.parts.kind.gpus > 0,
      acknowledgedAt: Date.now(),
      cancelled: false,
      end: null,
      ...more,
    };
    this.sent.push(sent);
    this.parts.ledger.acknowledged(record, entry);
    record.asking = false;
    return entry;
  }

  private async ended(entry: Entry): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    while (!this.stopping && entry.end === null && Date.now() < until) await delay(50);
  }

  private async pause(ms: number): Promise<void> {
    const until = Date.now() + ms;
    while (!this.stopping && Date.now() < until) await delay(50);
  }

  /** Names a request; the seed decides it, so it is told apart from those of other runs by the container. */
  private newKey(): string {
    return `${this.parts.name}-${++this.keys}`;
  }
}
