import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log.js';
import { ping } from './ping.js';

const POLL_MS = 10;
const STOP_PATIENCE_MS = 10_000;
const KEPT_LINES = 5;
/** Time for its last lines to arrive after its end. */
const LINES_GRACE_MS = 20;

/**
 * Kept to what the promise needs: a write is on disk before it is acknowledged, nothing is evicted, and only who may enter the
 * directory can connect. It keeps everything in its working directory, the private one.
 */
const OPTIONS: Readonly<Record<string, string>> = {
  port: '0',
  unixsocket: 'redis.sock',
  unixsocketperm: '700',
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
  maxmemory: '0',
  'maxmemory-policy': 'noeviction',
  loglevel: 'notice',
};

/**
 * The kernel kills redis-server when the process that started it dies (a parent-death signal, which outlives exec). If the
 * parent died before the signal was asked for, it is not our parent any more, and nothing is started.
 */
const WITH_PARENT = 'test "$PPID" = "$0" && exec redis-server "$@"';

/** What the shell answers when there is no such program. */
const NOT_FOUND = 127;

/** One run of redis-server. */
export class RedisProcess {
  /** Resolves when it has ended, with how. Never rejects. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly lastLines: string[] = [];
  private alive = true;

  /** `dir` is private and holds no other redis-server. */
  constructor(
    private readonly dir: string,
    private readonly log: Logger,
  ) {
    const options = Object.entries(OPTIONS).flatMap(([name, value]) => [`--${name}`, value]);
    const command = ['--pdeathsig', 'KILL', 'sh', '-c', WITH_PARENT, String(process.pid), ...options];
    // A session of its own: Ctrl-C in a terminal is for us, and redis-server is stopped after our last write.
    this.child = spawn('setpriv', command, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.child.stdout, this.child.stderr])
      if (stream) createInterface(stream).on('line', (line) => this.said(line));
    this.ended = this.end();
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Resolves when it answers, however long it reads its data; rejects when it ends before, or with the signal. */
  async ready(socketPath: string, signal: AbortSignal): Promise<void> {
    while (this.alive) {
      signal.throwIfAborted();
      if ((await ping(socketPath)) === 'PONG' && this.alive) return;
      await delay(POLL_MS);
    }
    throw new Error(`redis-server in ${this.dir} does not run: ${await this.ended}`);
  }

  /** Lets it finish what it writes, then makes it end. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.log.warn({ pid: this.pid }, 'redis-server did not heed SIGTERM and is killed');
      this.child.kill('SIGKILL');
    }, STOP_PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private async end(): Promise<string> {
    const how = await new Promise<string>((resolve) => {
      this.child.once('error', () =>
        resolve('setpriv is not installed; on Debian and Ubuntu: apt-get install util-linux'),
      );
      // Not 'close': a child that rewrites the append-only file may hold the streams for long after.
      this.child.once('exit', (code, signal) => setTimeout(() => resolve(this.describe(code, signal)), LINES_GRACE_MS));
    });
    this.alive = false;
    return how;
  }

  private said(line: string): void {
    const text = line.replace(/^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ /, '').trim();
    if (!text) return;
    this.lastLines.push(text);
    if (this.lastLines.length > KEPT_LINES) this.lastLines.shift();
    this.log.debug({ pid: this.pid }, `redis-server: ${text}`);
  }

  private describe(code: number | null, signal: NodeJS.Signals | null): string {
    if (code === NOT_FOUND)
      return 'it is not installed; on Debian and Ubuntu: apt-get install redis-server (or set REDIS_URL to a Redis that runs)';
    const how = signal ? `killed by ${signal}` : `exit code ${code}`;
    return this.lastLines.length > 0 ? `${how}; its last lines: ${this.lastLines.join(' | ')}` : how;
  }
}
