import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portsOf } from '../test/support/ports.js';
import { type PrivateEngine, startPrivateEngine } from '../test/support/private-engine.js';
import { type RedisServer, startRedis } from '../test/support/redis.js';
import { type Registry, startRegistry } from '../test/support/registry.js';
import { newDirectory } from '../test/support/run-directory.js';
import { Link } from './link.js';
import { Member, type Role } from './member.js';
import type { PlantName } from './plants.js';
import { copyProduct } from './product.js';

export interface StageHost {
  /** host-1 ... */
  readonly name: string;
  readonly engine: PrivateEngine;
  /** Between all processes and the engine. */
  readonly link: Link;
  /** Its containers survive the death of their engine. */
  readonly liveRestore: boolean;
}

export interface StageMember {
  readonly member: Member;
  /** Between the process and Redis. */
  readonly redisLink: Link;
  /** Of a worker: between it and each engine. */
  readonly engineLinks: readonly Link[];
  /** Of its gRPC or its ingress; 0 for a worker. */
  readonly port: number;
}

/** All that a run plays on. */
export interface Stage {
  readonly redis: RedisServer;
  readonly hosts: readonly StageHost[];
  readonly members: readonly StageMember[];
  /** In the registry; engines pull it. */
  readonly pulledImage: string;
  /** Logs of all processes. */
  readonly logDir: string;
  of(role: Role): readonly StageMember[];
  close(): Promise<void>;
}

const HOSTS = 3;
const GPUS_PER_HOST = 2;
const PORTS_PER_HOST = 60;
const ROLES: readonly Role[] = ['api', 'api', 'worker', 'worker', 'ingress', 'ingress'];
const DOMAIN = 'containers.localhost';

/** Short, so that what they bound is seen to end within a run. */
const SETTINGS = {
  LONGSHORE_LEASE_TTL: '3s',
  LONGSHORE_WATCH_WINDOW: '5s',
  LONGSHORE_OBSERVE_INTERVAL: '3s',
  LONGSHORE_PLACE_TIMEOUT: '20s',
  LONGSHORE_HEALTH_DEADLINE: '20s',
  LONGSHORE_RETRY_BUDGET: '15s',
  LONGSHORE_UNREACHABLE_DEADLINE: '20s',
  LONGSHORE_PULL_STALL: '10s',
  // Whoever works on a key dies or freezes here every few seconds, and the key is not to blame.
  LONGSHORE_WORK_ATTEMPTS: '20',
  // Longer than any request takes.
  LONGSHORE_DRAIN_TIMEOUT: '10s',
  LONGSHORE_LOG_LEVEL: 'debug',
};

/** Whatever it had started is ended again where something cannot start. */
export async function openStage(plant: PlantName | null): Promise<Stage> {
  const dir = newDirectory('stage');
  const logDir = join(dir, 'logs');
  mkdirSync(logDir);
  const ends: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of ends.reverse()) await end().catch((error: unknown) => console.error(error));
  };
  try {
    const redis = await startRedis();
    ends.push(() => redis.stop());
    const registry = await startRegistry();
    ends.push(() => registry.stop());
    const hosts = await openHosts(dir, ends);
    const pulledImage = await stock(registry, hosts);
    const args = await copyProduct(join(dir, 'product'), plant);
    const members = await openMembers({ dir, logDir, args, redis, registry, hosts, ends });
    return {
      redis,
      hosts,
      members,
      pulledImage,
      logDir,
      close,
      of: (role) => members.filter((one) => one.member.role === role),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openHosts(dir: string, ends: (() => Promise<unknown>)[]): Promise<readonly StageHost[]> {
  const opened = Array.from({ length: HOSTS }, async (_, index): Promise<StageHost> => {
    // The last one is as Docker is by itself: its containers end with it.
    const liveRestore = index < HOSTS - 1;
    const home = join(newDirectory('engine'), 'e');
    const config = { 'live-restore': liveRestore };
    const engine = await startPrivateEngine({ dir: home, gpus: GPUS_PER_HOST, config });
    ends.push(() => engine.remove());
    await engine.images('busybox');
    const link = await Link.open(join(dir, `h${index + 1}.sock`), engine.socketPath);
    ends.push(() => link.close());
    return { name: `host-${index + 1}`, engine, link, liveRestore };
  });
  const settled = await Promise.allSettled(opened);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return Promise.all(opened);
}

interface MemberParts {
  readonly dir: string;
  readonly logDir: string;
  readonly args: readonly string[];
  readonly redis: RedisServer;
  readonly registry: Registry;
  readonly hosts: readonly StageHost[];
  readonly ends: (() => Promise<unknown>)[];
}

async function openMembers(parts: MemberParts): Promise<readonly StageMember[]> {
  const { dir, ends } = parts;
  const counts = new Map<Role, number>();
  const members: StageMember[] = [];
  for (const role of ROLES) {
    const number = (counts.get(role) ?? 0) + 1;
    counts.set(role, number);
    const name = `${role}-${number}`;
    const redisLink = await Link.open(join(dir, `${name}.sock`), parts.redis.socketPath);
    ends.push(() => redisLink.close());
    const engineLinks = role === 'worker' ? await linksOf(name, parts) : [];
    const sockets = parts.hosts.map(({ link }, index) => (engineLinks[index] ?? link).socketPath);
    const hostsFile = join(dir, `${name}.yaml`);
    writeFileSync(hostsFile, hostsYaml(parts.hosts, sockets));
    const [httpPort, servingPort] = [await freePort(), await freePort()];
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: dir,
      ...SETTINGS,
      REDIS_URL: `unix://${redisLink.socketPath}`,
      LONGSHORE_ROLES: role,
      LONGSHORE_HTTP_ADDR: `127.0.0.1:${httpPort}`,
      LONGSHORE_GRPC_ADDR: `127.0.0.1:${role === 'api' ? servingPort : 0}`,
      LONGSHORE_INGRESS_ADDR: `127.0.0.1:${role === 'ingress' ? servingPort : 0}`,
      LONGSHORE_INGRESS_DOMAIN: DOMAIN,
      LONGSHORE_INGRESS_URL: `http://${DOMAIN}`,
      LONGSHORE_DATA_DIR: dir,
      LONGSHORE_HOSTS_FILE: hostsFile,
      LONGSHORE_DOCKER_CONFIG: join(parts.registry.dockerConfigDir, 'config.json'),
    };
    const logFile = join(parts.logDir, `${name}.log`);
    const clockFile = join(dir, `${name}.clock`);
    const member = new Member({ name, role, args: parts.args, env, httpPort, logFile, clockFile });
    ends.push(() => member.stop());
    members.push({ member, redisLink, engineLinks, port: role === 'worker' ? 0 : servingPort });
  }
  // One after the other: six at once take each other's time, and the first one writes what all need.
  for (const { member } of members) await member.start();
  return members;
}

/** A worker's own way to each host, in front of the one that all share. */
async function linksOf(member: string, { dir, hosts, ends }: MemberParts): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (const { name, link } of hosts) {
    const own = await Link.open(join(dir, `${member}-${name}.sock`), link.socketPath);
    ends.push(() => own.close());
    links.push(own);
  }
  return links;
}

function hostsYaml(hosts: readonly StageHost[], sockets: readonly string[]): string {
  const entries = hosts.map(({ name, engine }, index) => ({
    name,
    endpoint: `unix://${sockets[index]}`,
    address: '127.0.0.1',
    gpus: engine.gpuUuids.map((uuid) => ({ uuid, name: 'NVIDIA H200', memory_mib: 143771 })),
    ports: portsOf(engine, PORTS_PER_HOST),
  }));
  return JSON.stringify({ hosts: entries }); // JSON is YAML
}

/** Busybox and a layer of its own, so that there is something to fetch. */
async function stock(registry: Registry, [host]: readonly StageHost[]): Promise<string> {
  if (host === undefined) throw new Error('there is no host');
  const { docker } = host.engine;
  const image = `${registry.name}/team/app:latest`;
  await docker('run', '--name', 'made', 'longshore/busybox', 'touch', '/made');
  await docker('commit', 'made', image);
  await docker('rm', 'made');
  await docker('--config', registry.dockerConfigDir, 'push', '-q', image);
  await docker('rmi', image);
  return image;
}
