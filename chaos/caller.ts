import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiOperation } from './api.js';
import { isAtRest } from './at-rest.js';
import type { Calls } from './calls.js';
import { standing } from './end-state.js';
import type { ContainerRecord, Ledger } from './ledger.js';

/** A request to a container that was not answered as it should have been. */
export interface FailedRequest {
  readonly container: ContainerRecord;
  /** ingress-1 ... */
  readonly ingress: string;
  readonly from: number;
  readonly to: number;
  readonly what: string;
  /** It was answered, by a revision whose time was over. */
  readonly late: boolean;
}

export interface CallerParts {
  readonly ingresses: readonly { readonly name: string; readonly port: number }[];
  readonly ledger: Ledger;
  readonly calls: Calls;
}

const EVERY_MS = 400;
/** Every so many rounds one of them takes its time, so that there is something in flight when an instance is to go. */
const SLOW_ROUNDS = 4;
const PATHS = { QUICK: '/', SLOW: '/cgi-bin/slow' } as const;
/** On a busy machine a request may wait for its turn. */
const PATIENCE_MS = 10_000;

/**
 * Asks for every container that has to serve without a break, by every ingress, again and again, by the clock: in turn on a connection
 * that is kept and on a new one.
 */
export class Caller {
  readonly failed: FailedRequest[] = [];
  sent = 0;
  private readonly kept = new Agent({ keepAlive: true });
  private readonly urls = new Map<string, string>();
  private readonly under = new Set<Promise<void>>();
  private running = true;

  constructor(private readonly parts: CallerParts) {}

  async run(): Promise<void> {
    for (let round = 0; this.running; round++) {
      for (const container of this.parts.ledger.containers) if (serves(container)) this.callAll(container, round);
      await delay(EVERY_MS);
    }
    await Promise.all(this.under);
    this.kept.destroy();
  }

  stop(): void {
    this.running = false;
  }

  private callAll(container: ContainerRecord, round: number): void {
    const host = this.urls.get(container.id);
    if (host === undefined) return void this.findHost(container);
    for (const { name, port } of this.parts.ingresses) {
      const path = round % SLOW_ROUNDS === 0 ? PATHS.SLOW : PATHS.QUICK;
      const one = this.call({ container, ingress: name, port, host, path, kept: round % 2 === 1 });
      this.under.add(one);
      void one.finally(() => this.under.delete(one));
    }
  }

  private async findHost({ id }: ContainerRecord): Promise<void> {
    const answer = await this.parts.calls.once('Get', (api) => api.container(id));
    if (answer !== null && 'reply' in answer) this.urls.set(id, new URL(answer.reply.url).host);
  }

  private async call(way: Way): Promise<void> {
    const { container, ingress, path } = way;
    const from = Date.now();
    this.sent += 1;
    const resting = isAtRest(container) ? container.entries.length : null;
    const { servesSince } = container;
    const answered = await exchange(way, this.kept).catch((error: unknown) => String(error));
    const to = Date.now();
    const fail = (what: string, late: boolean) => {
      // Of one that was to be stopped or deleted meanwhile nothing is promised.
      if (container.deletedAt === null && container.servesSince === servesSince)
        this.failed.push({ container, ingress, from, to, what: `GET ${path}: ${what}`, late });
    };
    if (typeof answered === 'string') return fail(answered, false);
    const { status, body } = answered;
    if (status !== 200) return fail(`status ${status}: ${body.slice(0, 200)}`, false);
    const by = body.trim();
    if (![...container.revisions.values()].includes(by)) return fail(`answered by ${by}`, false);
    if (resting !== null && (await this.isLate(container, resting, by)))
      fail(`answered by ${by}, which was not active any more when it was sent`, true);
  }

  /** Whether it answered though nothing was under way that could explain it, since the container had been asked for `entries` things. */
  private async isLate(container: ContainerRecord, entries: number, by: string): Promise<boolean> {
    const nameOf = (operations: readonly ApiOperation[]) =>
      container.revisions.get(standing(container, operations).active ?? '') ?? by;
    const before = nameOf([]);
    if (before === by) return false;
    const answer = await this.parts.calls.once('ListOperations', (api) => api.operationsOf(container.id));
    if (answer === null || 'refusal' in answer || !answer.reply.every(({ done }) => done)) return false;
    // It may be that the service has reverted by itself.
    return isAtRest(container) && container.entries.length === entries && nameOf(answer.reply) !== by;
  }
}

function serves({ startFirst, servesSince, deletedAt }: ContainerRecord): boolean {
  return startFirst && servesSince !== null && deletedAt === null;
}

interface Way {
  readonly container: ContainerRecord;
  readonly ingress: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly kept: boolean;
}

function exchange(
  { port, host, path, kept }: Way,
  agent: Agent,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const options = { host: '127.0.0.1', port, path, headers: { host }, agent: kept ? agent : false, signal };
    const outgoing = request(options, (response) => {
      let body = '';
      response.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
