import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ToVictim } from './messages.js';
import { VictimProcess } from './victim-process.js';

/** Longer than the stalls of a busy machine, shorter than a test's patience. */
const LEASE_TTL_MS = 1_000;
/** An engine that a dying worker left hanging wakes when the next one has taken over and waits for it. */
const WAKE_MS = LEASE_TTL_MS + 300;

/** The process that is to die and its understudy, which has loaded its program already and takes its place at once. */
export class Crew {
  readonly logFile: string;
  readonly outputFile: string;
  /** Processes that ended in another way than by their crash point, and what they wrote. */
  readonly accidents: string[] = [];
  crashes = 0;
  private fates: (string | null)[] = [];
  private present: VictimProcess;
  private next: VictimProcess;
  private left: { readonly who: VictimProcess; points: readonly string[] } | null = null;
  private stopping = false;

  constructor(
    private readonly program: string,
    dir: string,
    private readonly orders: Pick<Extract<ToVictim, { kind: 'SERVE' }>, 'env' | 'plant' | 'enginePids'>,
  ) {
    this.logFile = join(dir, 'victims.log');
    this.outputFile = join(dir, 'victims.out');
    this.present = this.fork();
    this.next = this.fork();
  }

  get victim(): VictimProcess {
    return this.present;
  }

  async start(): Promise<void> {
    const victim = this.present;
    const fate = this.fates.shift();
    if (fate !== undefined) await victim.ask({ kind: 'ARM', target: fate });
    void victim.exited.then(() => this.replace(victim));
    await victim.ask({ kind: 'SERVE', ...this.orders, leaseTtlMs: LEASE_TTL_MS, logFile: this.logFile });
  }

  /** From here on the present victim dies at the first of the points, its successor at the second ...; null only records. */
  async arm([own = null, ...fates]: readonly (string | null)[]): Promise<void> {
    this.fates = fates;
    this.left = null;
    await this.present.ask({ kind: 'ARM', target: own });
  }

  /** Of the one that left, else of the present one. */
  points(): Promise<readonly string[]> {
    return this.left ? Promise.resolve(this.left.points) : this.present.points();
  }

  /** The present one ends in good order, unless it dies on the way, and the next one takes its place. */
  async leave(): Promise<void> {
    const left = { who: this.present, points: [] as readonly string[] };
    this.left = left;
    const points = await this.present.leave();
    if (points === null) this.left = null;
    else left.points = points;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wakeEngines();
    await Promise.all([this.present.end(), this.next.end()]);
  }

  private fork(): VictimProcess {
    return VictimProcess.fork(this.program, this.outputFile);
  }

  private replace(dead: VictimProcess): void {
    if (this.stopping) return;
    if (dead.crashed) this.crashes += 1;
    else if (dead !== this.left?.who) this.accidents.push(`a process ended by itself: ${tail(this.outputFile, 5)}`);
    this.present = this.next;
    this.next = this.fork();
    void this.start();
    setTimeout(() => !this.stopping && this.wakeEngines(), WAKE_MS).unref();
  }

  /** Does nothing to an engine that is awake. */
  private wakeEngines(): void {
    for (const pid of this.orders.enginePids) process.kill(pid, 'SIGCONT');
  }
}

export function tail(file: string, lines = 300): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
