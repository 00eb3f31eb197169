import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { treePath } from '../../../src/paths.js';
import { command } from '../command.js';
import { ownEngine } from '../engine.js';
import { freePort } from '../ports.js';
import type { PrivateEngine } from '../private-engine.js';
import { type RedisServer, startRedis } from '../redis.js';
import { type Registry, startRegistry } from '../registry.js';
import { newDirectory } from '../run-directory.js';
import { type RunningService, startService } from '../service.js';
import { type Api, connectApi } from './api.js';
import { Crew, tail } from './crew.js';
import type { PlantName } from './plants.js';
import type { VictimProcess } from './victim-process.js';
import { startWatch, type Watch } from './watch.js';
import type { Sources } from './world.js';

export interface StageOptions {
  /** The role that dies. */
  readonly victim: 'worker' | 'api' | 'ingress';
  /** Engines with two GPUs each: host-1, host-2 ... */
  readonly hosts: number;
  readonly plant: PlantName | null;
  /** With a registry, and an image in it that can be pulled. */
  readonly registry: boolean;
}

/**
 * What crash runs play on: a Redis, engines, a registry if wanted, one process at a time in the role that dies, and the other roles in this
 * process. When the victim dies the next one takes its place at once.
 */
export interface Stage {
  readonly engines: readonly PrivateEngine[];
  readonly enginePids: readonly number[];
  /** In the registry, and on no engine until it is pulled; null without a registry. */
  readonly pulledImage: string | null;
  readonly api: Api;
  readonly redis: Redis;
  readonly watch: Watch;
  readonly sources: Sources;
  /** All operations that were submitted on this stage. */
  readonly submitted: Set<string>;
  /** The process that works now. */
  victim(): VictimProcess;
  arm(points: readonly (string | null)[]): Promise<void>;
  /** Those that the last victim passed, in order. */
  points(): Promise<readonly string[]>;
  /** The victim ends as at a SIGTERM, unless it dies on the way, and the next one takes its place. */
  leave(): Promise<void>;
  /** Something else listens on this port from now on, if it is not taken already, by something else or by an instance that was faster. */
  occupy(port: number): Promise<void>;
  vacate(): void;
  /** How many victims have died at their points. */
  crashes(): number;
  /** Victims that ended in another way than by their crash point, and what they wrote. */
  readonly accidents: readonly string[];
  /** The last lines of all that was logged. */
  logs(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const ROLES = ['api', 'worker', 'ingress'];

export async function openStage(program: string, options: Partial<StageOptions> = {}): Promise<Stage> {
  const { victim = 'worker', hosts = 1, plant = null, registry: stocked = false } = options;
  const dir = newDirectory('stage');
  const [redisServer, registry, engines] = await Promise.all([
    startRedis(),
    stocked ? startRegistry() : null,
    openEngines(hosts),
  ]);
  const pulledImage = registry && (await stock(registry, engines));
  const grpc = `127.0.0.1:${await freePort()}`;
  const shared = {
    REDIS_URL: redisServer.url,
    LONGSHORE_GRPC_ADDR: grpc,
    LONGSHORE_INGRESS_ADDR: `127.0.0.1:${await freePort()}`,
    ...(registry && { LONGSHORE_DOCKER_CONFIG: join(registry.dockerConfigDir, 'config.json') }),
    LONGSHORE_OBSERVE_INTERVAL: '5s',
  };
  const others = ROLES.filter((role) => role !== victim).join();
  const service = await startService({ engines, env: { ...shared, LONGSHORE_ROLES: others } });
  const env = {
    ...shared,
    LONGSHORE_ROLES: victim,
    LONGSHORE_HTTP_ADDR: '127.0.0.1:0',
    LONGSHORE_DATA_DIR: dir,
    LONGSHORE_HOSTS_FILE: join(service.dataDir, 'hosts.yaml'),
  };
  const enginePids = (await Promise.all(engines.map(pidsOf))).flat();
  const crew = new Crew(program, dir, { env, plant, enginePids });
  await crew.start();
  const redis = new Redis(redisServer.socketPath);
  const api = connectApi(grpc);
  const watch = await startWatch(redisServer.socketPath, engines);
  const occupants: Server[] = [];
  const vacate = () => {
    for (const server of occupants.splice(0)) server.close();
  };
  return {
    engines,
    enginePids,
    pulledImage,
    api,
    redis,
    watch,
    sources: { redis, api, engines: engines.map((engine, at) => ({ ...engine, host: `host-${at + 1}` })) },
    submitted: new Set(),
    victim: () => crew.victim,
    arm: (points) => crew.arm(points),
    points: () => crew.points(),
    leave: () => crew.leave(),
    occupy: async (port) => void occupants.push(...(await listen(port))),
    vacate,
    crashes: () => crew.crashes,
    accidents: crew.accidents,
    logs: () => ({ victims: tail(crew.logFile), victimsOutput: tail(crew.outputFile), service: tail(service.logFile) }),
    close: async () => {
      vacate();
      await close({ crew, watch, redis, api, service, redisServer, registry, engines });
    },
  };
}

interface Parts {
  readonly crew: Crew;
  readonly watch: Watch;
  readonly redis: Redis;
  readonly api: Api;
  readonly service: RunningService;
  readonly redisServer: RedisServer;
  readonly registry: Registry | null;
  readonly engines: readonly PrivateEngine[];
}

async function close({ crew, watch, redis, api, service, redisServer, registry, engines }: Parts): Promise<void> {
  await crew.stop();
  await watch.stop();
  redis.disconnect();
  api.close();
  await service.stop(5_000);
  await Promise.all([redisServer.stop(), registry?.stop(), ...engines.map((engine) => engine.remove())]);
}

async function openEngines(count: number): Promise<readonly PrivateEngine[]> {
  const engines = await Promise.all(Array.from({ length: count }, () => ownEngine(2)));
  await Promise.all(engines.map((engine) => engine.images('busybox')));
  return engines;
}

/** Busybox and a layer of its own, so that there is something to fetch. */
async function stock(registry: Registry, [engine]: readonly PrivateEngine[]): Promise<string> {
  if (engine === undefined) throw new Error('there is no engine');
  const image = `${registry.name}/team/app:latest`;
  await engine.docker('run', '--name', 'made', 'longshore/busybox', 'touch', '/made');
  await engine.docker('commit', 'made', image);
  await engine.docker('rm', 'made');
  await engine.docker('--config', registry.dockerConfigDir, 'push', '-q', image);
  await engine.docker('rmi', image);
  return image;
}

async function pidsOf({ dir }: PrivateEngine): Promise<readonly number[]> {
  return (await command(treePath('scripts', 'setup', 'engine.sh'), ['pid', dir])).split('\n').map(Number);
}

function listen(port: number): Promise<readonly Server[]> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => ('code' in error && error.code === 'EADDRINUSE' ? resolve([]) : reject(error)));
    server.listen(port, '127.0.0.1', () => resolve([server]));
  });
}
