import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { treePath } from '../../../src/paths.js';
import { command } from '../command.js';
import { ownEngine } from '../engine.js';
import { freePort } from '../ports.js';
import type { PrivateEngine } from '../private-engine.js';
import { type RedisServer, startRedis } from '../redis.js';
import { newDirectory } from '../run-directory.js';
import { type RunningService, startService } from '../service.js';
import { type Api, connectApi } from './api.js';
import type { ToWorker } from './messages.js';
import type { PlantName } from './plants.js';
import { startWatch, type Watch } from './watch.js';
import { WorkerProcess } from './worker-process.js';
import type { Sources } from './world.js';

/**
 * What crash runs play on: a Redis, an engine with two GPUs, API and ingress in this process, and one worker process at a time. When
 * the worker dies the next one takes its place at once.
 */
export interface Stage {
  readonly engine: PrivateEngine;
  readonly enginePids: readonly number[];
  readonly api: Api;
  readonly redis: Redis;
  readonly watch: Watch;
  readonly sources: Sources;
  /** The one that works now. */
  worker(): WorkerProcess;
  /** From here on the present worker dies at the first of the points, its successor at the second ...; null only records. */
  arm(points: readonly (string | null)[]): Promise<void>;
  /** How many workers have died at their points. */
  crashes(): number;
  /** Workers that ended in another way than by their crash point, and what they wrote. */
  readonly accidents: readonly string[];
  /** The last lines of all that was logged. */
  logs(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Longer than the stalls of a busy machine, shorter than a test's patience. */
const LEASE_TTL_MS = 1_000;
/** An engine that a dying worker left hanging wakes when the next one has taken over and waits for it. */
const WAKE_MS = LEASE_TTL_MS + 300;

export async function openStage(program: string, plant: PlantName | null = null): Promise<Stage> {
  const dir = newDirectory('stage');
  const [redisServer, engine] = await Promise.all([startRedis(), ownEngine(2)]);
  await engine.images('busybox');
  const ingress = `127.0.0.1:${await freePort()}`;
  const shared = { REDIS_URL: redisServer.url, LONGSHORE_INGRESS_ADDR: ingress, LONGSHORE_OBSERVE_INTERVAL: '5s' };
  const service = await startService({ engines: [engine], env: { ...shared, LONGSHORE_ROLES: 'api,ingress' } });
  const env = {
    ...shared,
    LONGSHORE_ROLES: 'worker',
    LONGSHORE_HTTP_ADDR: '127.0.0.1:0',
    LONGSHORE_DATA_DIR: dir,
    LONGSHORE_HOSTS_FILE: join(service.dataDir, 'hosts.yaml'),
  };
  const pids = await command(treePath('scripts', 'setup', 'engine.sh'), ['pid', engine.dir]);
  const enginePids = pids.split('\n').map(Number);
  const crew = new Crew(program, dir, { env, plant, enginePids });
  await crew.start();
  const redis = new Redis(redisServer.socketPath);
  const api = connectApi(`127.0.0.1:${service.grpcPort}`);
  const { docker, gpusSeen } = engine;
  const watch = await startWatch({ redisSocket: redisServer.socketPath, engine: engine.endpoint, gpusSeen });
  return {
    engine,
    enginePids,
    api,
    redis,
    watch,
    sources: { redis, api, docker, gpusSeen },
    worker: () => crew.worker,
    arm: (points) => crew.arm(points),
    crashes: () => crew.crashes,
    accidents: crew.accidents,
    logs: () => ({ workers: tail(crew.logFile), workersOutput: tail(crew.outputFile), service: tail(service.logFile) }),
    close: () => close({ crew, watch, redis, api, service, redisServer, engine }),
  };
}

interface Parts {
  readonly crew: Crew;
  readonly watch: Watch;
  readonly redis: Redis;
  readonly api: Api;
  readonly service: RunningService;
  readonly redisServer: RedisServer;
  readonly engine: PrivateEngine;
}

async function close({ crew, watch, redis, api, service, redisServer, engine }: Parts): Promise<void> {
  await crew.stop();
  await watch.stop();
  redis.disconnect();
  api.close();
  await service.stop(5_000);
  await redisServer.stop();
  await engine.remove();
}

/** The worker and its understudy, which has loaded its program already. */
class Crew {
  readonly logFile: string;
  readonly outputFile: string;
  readonly accidents: string[] = [];
  crashes = 0;
  private fates: (string | null)[] = [];
  private present: WorkerProcess;
  private next: WorkerProcess;
  private stopping = false;

  constructor(
    private readonly program: string,
    dir: string,
    private readonly orders: Pick<Extract<ToWorker, { kind: 'SERVE' }>, 'env' | 'plant' | 'enginePids'>,
  ) {
    this.logFile = join(dir, 'workers.log');
    this.outputFile = join(dir, 'workers.out');
    this.present = this.fork();
    this.next = this.fork();
  }

  get worker(): WorkerProcess {
    return this.present;
  }

  async start(): Promise<void> {
    const worker = this.present;
    const fate = this.fates.shift();
    if (fate !== undefined) await worker.ask({ kind: 'ARM', target: fate });
    void worker.exited.then(() => this.replace(worker));
    await worker.ask({ kind: 'SERVE', ...this.orders, leaseTtlMs: LEASE_TTL_MS, logFile: this.logFile });
  }

  async arm([own = null, ...fates]: readonly (string | null)[]): Promise<void> {
    this.fates = fates;
    await this.present.ask({ kind: 'ARM', target: own });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wakeEngine();
    await Promise.all([this.present.end(), this.next.end()]);
  }

  private fork(): WorkerProcess {
    return WorkerProcess.fork(this.program, this.outputFile);
  }

  private replace(dead: WorkerProcess): void {
    if (this.stopping) return;
    if (dead.crashed) this.crashes += 1;
    else this.accidents.push(`a worker ended by itself: ${tail(this.outputFile, 5)}`);
    this.present = this.next;
    this.next = this.fork();
    void this.start();
    setTimeout(() => !this.stopping && this.wakeEngine(), WAKE_MS).unref();
  }

  /** Does nothing to an engine that is awake. */
  private wakeEngine(): void {
    for (const pid of this.orders.enginePids) process.kill(pid, 'SIGCONT');
  }
}

function tail(file: string, lines = 300): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
