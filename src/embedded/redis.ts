import { chmod, realpath, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log.js';
import { makeDirectory } from './directory.js';
import { type DirectoryLock, lockDirectory } from './lock.js';
import { redisDir, socketPath } from './place.js';
import { RedisProcess } from './redis-process.js';
import { endSurvivors } from './survivors.js';

export interface EmbeddedRedisDeps {
  /** Absolute; made where it is missing. */
  readonly dataDir: string;
  readonly log: Logger;
  /** Ends a start that is no longer wanted, with all that it began. */
  readonly signal?: AbortSignal;
  readonly onRestart?: () => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** After a run of this length the next fault begins with a short pause again. */
const GOOD_RUN_MS = 60_000;

/**
 * The Redis that a service brings itself: a redis-server in the data directory, reached by a unix socket only, started again
 * whenever it dies, and gone whenever this process is, however it ends.
 */
export class EmbeddedRedis {
  private readonly stopping = new AbortController();
  private readonly supervision: Promise<void>;

  constructor(
    private readonly dir: string,
    private readonly lock: DirectoryLock,
    private current: RedisProcess,
    private readonly deps: EmbeddedRedisDeps,
  ) {
    this.supervision = this.supervise();
  }

  /** For a client that takes a URL. */
  get url(): string {
    return `unix://${socketPath(this.deps.dataDir)}`;
  }

  /** Of the present run. */
  get pid(): number {
    return this.current.pid;
  }

  /** To be called after the last write: nothing is reached afterwards. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.current.stop();
    await this.supervision;
    await this.lock.release();
  }

  private async supervise(): Promise<void> {
    const { signal } = this.stopping;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const since = performance.now();
      const how = await this.current.ended;
      if (signal.aborted) return;
      if (performance.now() - since > GOOD_RUN_MS) pauseMs = FIRST_PAUSE_MS;
      this.deps.log.error({ how, pauseMs }, 'redis-server ended; it is started again');
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      await this.restart().catch((error: unknown) => {
        if (!signal.aborted) this.deps.log.error({ err: error }, 'redis-server could not be started again');
      });
    }
  }

  /** Nothing is started once a stop has begun, since that ends the present run only. */
  private async restart(): Promise<void> {
    await clear(this.dir, this.deps.log);
    if (this.stopping.signal.aborted) return;
    this.current = new RedisProcess(this.dir, this.deps.log);
    await this.current.ready(socketPath(this.deps.dataDir), this.stopping.signal);
    this.deps.log.info({ pid: this.pid }, 'redis-server answers again');
    this.deps.onRestart?.();
  }
}

/** Resolves when it answers. Rejects, leaving no process behind, with what is wrong and how to mend it. */
export async function startEmbeddedRedis(deps: EmbeddedRedisDeps): Promise<EmbeddedRedis> {
  const dir = await privateDirectory(deps.dataDir);
  const lock = await lockDirectory(deps.dataDir);
  let first: RedisProcess | undefined;
  try {
    await clear(dir, deps.log);
    first = new RedisProcess(dir, deps.log);
    await first.ready(socketPath(deps.dataDir), deps.signal ?? new AbortController().signal);
    return new EmbeddedRedis(dir, lock, first, deps);
  } catch (error) {
    await first?.stop();
    await lock.release();
    throw error;
  }
}

async function privateDirectory(dataDir: string): Promise<string> {
  try {
    await makeDirectory(redisDir(dataDir));
    await chmod(redisDir(dataDir), 0o700);
    return await realpath(redisDir(dataDir));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot keep data in ${dataDir}: ${reason}; set LONGSHORE_DATA_DIR to a directory of this user`, {
      cause,
    });
  }
}

/** What a former run left: a process that outlived its parent, or a socket with nobody behind it. */
async function clear(dir: string, log: Logger): Promise<void> {
  const ended = await endSurvivors(dir);
  if (ended.length > 0) log.warn({ pids: ended }, 'ended a redis-server that a former run left behind');
  await rm(`${dir}/redis.sock`, { force: true });
}
