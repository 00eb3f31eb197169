import type { ApiOperation } from './api.js';

/** What was asked for, and what came of it as far as it is known. Nothing in it comes from the service but ids and answers. */
export interface Entry {
  readonly operationId: string;
  readonly containerId: string;
  readonly method: 'Create' | 'DeployRevision' | 'Rollback' | 'Stop' | 'Start' | 'Delete';
  /** The revision that is active when it succeeds; null: nothing changes, or nothing is left. */
  readonly revisionId: string | null;
  /** False: its image is such that it cannot succeed. */
  readonly canSucceed: boolean;
  /** It wants GPUs, of which there may be too few. */
  readonly scarce: boolean;
  readonly acknowledgedAt: number;
  /** It, or the whole container, was asked to be given up. */
  cancelled: boolean;
  /** Once it was seen to be done: all of it, as text. */
  end: { readonly at: number; readonly text: string; readonly operation: ApiOperation } | null;
}

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  /** A new revision is up before the old one goes, and it serves HTTP: no request fails. */
  readonly startFirst: boolean;
  readonly entries: Entry[];
  /** revision id to what it answers. */
  readonly revisions: Map<string, string>;
  /** Whether it was asked for something, and no answer has come yet. */
  asking: boolean;
  /** When Delete was asked for. */
  deletedAt: number | null;
  /** When a deploy, or the start, had succeeded after all that was asked for before the latest Stop; null: none has. */
  servesSince: number | null;
  /** How many entries there were when it was last asked to stop. */
  stopAskedAfter: number;
}

/** A fault of the product, with what shows it. */
export interface Violation {
  readonly at: number;
  readonly what: string;
}

export class Ledger {
  readonly containers: ContainerRecord[] = [];
  readonly violations: Violation[] = [];
  private readonly counts = new Map<string, number>();
  private readonly byId = new Map<string, Entry>();
  private readonly said = new Set<string>();

  created(record: ContainerRecord): void {
    this.containers.push(record);
  }

  acknowledged(record: ContainerRecord, entry: Entry): void {
    const known = this.byId.get(entry.operationId);
    if (known !== undefined) {
      this.violation(
        `operation ${entry.operationId} was the answer to two different requests, ${known.method} and ${entry.method}`,
      );
    }
    this.byId.set(entry.operationId, entry);
    record.entries.push(entry);
  }

  get entries(): Iterable<Entry> {
    return this.byId.values();
  }

  /** Holds what was read, asked for at `askedAt`, against what was read before that: a done operation never changes. */
  read(entry: Entry, operation: ApiOperation, askedAt: number): void {
    const text = textOf(operation);
    if (entry.end !== null) {
      if (askedAt <= entry.end.at) return;
      if (text !== entry.end.text)
        this.violation(`operation ${entry.operationId} changed after its end:\n  ${entry.end.text}\n  ${text}`);
      return;
    }
    if (!operation.done) return;
    entry.end = { at: Date.now(), text, operation };
    if (operation.error && operation.response)
      this.violation(`operation ${entry.operationId} has an error and a response`);
    if (!operation.error && !operation.response)
      this.violation(`operation ${entry.operationId} ended with neither an error nor a response`);
  }

  /** The same words are a violation once. */
  violation(what: string): void {
    if (this.said.has(what)) return;
    this.said.add(what);
    this.violations.push({ at: Date.now(), what });
  }

  count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  get summary(): ReadonlyMap<string, number> {
    return this.counts;
  }
}

function textOf(operation: ApiOperation): string {
  return JSON.stringify(operation, (_key, value: unknown) => {
    const bytes = value as { type?: unknown; data?: unknown } | null;
    return bytes?.type === 'Buffer' && Array.isArray(bytes.data) ? Buffer.from(bytes.data).toString('base64') : value;
  });
}
