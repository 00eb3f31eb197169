import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { treePath } from '../src/paths.js';
import { http } from '../test/support/http.js';
import { until } from '../test/support/until.js';

export type Role = 'api' | 'worker' | 'ingress';

export interface MemberOptions {
  /** api-1, worker-2 ... */
  readonly name: string;
  readonly role: Role;
  /** For Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly httpPort: number;
  readonly logFile: string;
  /** By how many ms its clock is off. */
  readonly clockFile: string;
}

/** Slower than that, it has failed to start. */
const READY_MS = 120_000;
const CLOCK = treePath('chaos', 'clock.mjs');

/** One process of the service, which comes back when it was killed. */
export class Member {
  readonly name: string;
  readonly role: Role;
  /** How it ended without being told to, after it had been ready. */
  readonly accidents: string[] = [];
  /** How often it ended before it was ready, as it does where Redis does not answer; it is started again, as a service manager does. */
  failedStarts = 0;
  private child: ChildProcess | null = null;
  private exited: Promise<void> = Promise.resolve();
  private wasReady = false;

  constructor(private readonly options: MemberOptions) {
    this.name = options.name;
    this.role = options.role;
    this.setClock(0);
  }

  /** Resolves when it is ready. One that ends by itself is started again. */
  async start(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    const { httpPort, name } = this.options;
    await until(
      `${name} is ready`,
      async () => (await http(`http://127.0.0.1:${httpPort}/readyz`, { timeoutMs: 1_000 })).status === 200,
      READY_MS,
    );
    this.wasReady = true;
  }

  /** What it tells to Prometheus. */
  async metrics(): Promise<string> {
    return (await http(`http://127.0.0.1:${this.options.httpPort}/metrics`)).body;
  }

  /** SIGKILL; it stays away until `start`. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    child?.kill('SIGKILL');
    await this.exited;
  }

  /** From then on, and after each new start. */
  setClock(offMs: number): void {
    writeFileSync(this.options.clockFile, String(offMs));
  }

  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** SIGTERM, and SIGKILL where that is not enough. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    child?.kill('SIGCONT');
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
  }

  private spawn(): void {
    const { args, env, logFile, clockFile } = this.options;
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, ['--import', CLOCK, ...args], {
      stdio: ['ignore', log, log],
      env: { ...env, CHAOS_CLOCK: clockFile },
    });
    closeSync(log);
    const killAtExit = () => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    this.child = child;
    this.wasReady = false;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        process.removeListener('exit', killAtExit);
        resolve();
        if (this.child !== child) return;
        if (this.wasReady)
          this.accidents.push(`${this.name} ended by itself with ${signal ?? code} at ${new Date().toISOString()}`);
        else this.failedStarts += 1;
        setTimeout(() => this.child === child && this.spawn(), 500);
      });
    });
  }
}
