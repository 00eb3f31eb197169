import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Answer, http } from '../http.js';
import { type Labelled, labelled, OURS } from '../labelled.js';
import type { Api, ApiContainer, ApiOperation, ApiRevision } from './api.js';
import { idsByLabel, inspectContainer } from './docker-view.js';

/*
 * What is there, read without any code of the service: keys of Redis by their documented names, Docker's API, the public API and the url.
 */

const ROOT = '{longshore}:';

export interface World {
  readonly container: {
    readonly fields: Fields | null;
    readonly state: State | null;
    readonly journal: readonly string[];
    readonly route: Route | null;
    /** Names of all further keys that have the container's id in them. */
    readonly keys: readonly string[];
  };
  readonly revisions: ReadonlyMap<string, Fields>;
  readonly operations: ReadonlyMap<string, Fields>;
  readonly devices: {
    /** `host/uuid` and `host/port` to the instance that leases it. */
    readonly gpus: Fields;
    readonly ports: Fields;
    readonly byInstance: Fields;
  };
  readonly queue: {
    readonly leases: readonly string[];
    readonly lapse: readonly string[];
    readonly unclean: readonly string[];
    /** Keys that should have been worked on by now. */
    readonly overdue: readonly string[];
  };
  /** Ids of all containers, revisions and operations that Redis has, whomever they belong to. */
  readonly recorded: {
    readonly containers: readonly string[];
    readonly revisions: readonly string[];
    readonly operations: readonly string[];
  };
  /** Everything on the engines that carries our labels. */
  readonly docker: readonly DockerContainer[];
  readonly api: {
    readonly container: ApiContainer | null;
    /** Roles that are bound, as `role of subject`. */
    readonly bindings: readonly string[];
    readonly revisions: readonly ApiRevision[];
    readonly operations: readonly ApiOperation[];
  };
  readonly answer: Pick<Answer, 'status' | 'body'> | null;
}

export type Fields = Readonly<Record<string, string>>;

const instance = z.object({
  id: z.string(),
  revisionId: z.string(),
  role: z.string(),
  host: z.string(),
  gpuUuids: z.array(z.string()),
  port: z.number().nullable(),
  leased: z.boolean(),
  failed: z.string().nullable(),
});
const state = z.object({
  activeRevisionId: z.string().nullable(),
  instances: z.array(instance),
  rollout: z.unknown(),
  message: z.string(),
});
const route = z.object({
  state: z.string(),
  revisionId: z.string().nullable(),
  targets: z.array(z.object({ instanceId: z.string(), port: z.number() })),
});
export type State = z.infer<typeof state>;
export type InstanceState = z.infer<typeof instance>;
type Route = z.infer<typeof route>;

export interface DockerContainer extends Labelled {
  readonly host: string;
  /** What the stand-in for NVIDIA's hook gave it at its last start. */
  readonly gpusSeen: readonly string[];
}

export interface Sources {
  readonly redis: Redis;
  readonly engines: readonly Engine[];
  readonly api: Api;
}

interface Engine {
  /** Its name in the hosts file. */
  readonly host: string;
  readonly socketPath: string;
  readonly docker: (...args: string[]) => Promise<string>;
  readonly gpusSeen: (dockerId: string) => readonly string[];
}

export async function look(sources: Sources, containerId: string, operationIds: readonly string[]): Promise<World> {
  const { redis, api } = sources;
  const [container, revisions, operations, recorded, devices, queue, docker, seen] = await Promise.all([
    containerIn(redis, containerId),
    revisionsIn(redis, containerId),
    operationsIn(redis, operationIds),
    recordedIn(redis),
    devicesIn(redis),
    queueIn(redis),
    Promise.all(sources.engines.map(dockerContainers)),
    seenBy(api, containerId, operationIds),
  ]);
  const url = seen.container?.url;
  const answer = url === undefined ? null : await answerOf(url);
  return { container, revisions, operations, recorded, devices, queue, docker: docker.flat(), api: seen, answer };
}

/** Whether nothing is under way or due: cheap, for waiting. */
export async function isQuiet(redis: Redis, containerId: string): Promise<boolean> {
  const [{ lapse, overdue }, queued] = await Promise.all([
    queueIn(redis),
    redis.zcard(`${ROOT}journal/${containerId}`),
  ]);
  return lapse.length === 0 && overdue.length === 0 && queued === 0;
}

async function containerIn(redis: Redis, id: string): Promise<World['container']> {
  const [fields, journal, routeText, keys] = await Promise.all([
    redis.hgetall(`${ROOT}container/${id}`),
    redis.zrange(`${ROOT}journal/${id}`, 0, '-1'),
    redis.hget(`${ROOT}routes`, id),
    keysLike(redis, `*${id}*`),
  ]);
  const there = Object.keys(fields).length > 0;
  return {
    fields: there ? fields : null,
    state: there ? state.parse(JSON.parse(fields['state'] ?? '')) : null,
    journal,
    route: routeText === null ? null : route.parse(JSON.parse(routeText)),
    keys,
  };
}

async function revisionsIn(redis: Redis, containerId: string): Promise<ReadonlyMap<string, Fields>> {
  const index = `${ROOT}revisions-by-container-status/${containerId}`;
  const ids = await Promise.all(
    ['CREATING', 'ACTIVE', 'OBSOLETE'].map((status) => redis.zrange(`${index}/${status}`, 0, '-1')),
  );
  return hashes(redis, 'revision', ids.flat());
}

/** An operation is one text, whose first line is a list in JSON; the ninth item is its state. */
const operationHead = z.array(z.unknown());
const STATE_AT = 8;

async function operationsIn(redis: Redis, ids: readonly string[]): Promise<World['operations']> {
  const found = await Promise.all(
    ids.map(async (id): Promise<[string, Fields]> => {
      const text = await redis.get(`${ROOT}operation/${id}`);
      if (text === null) return [id, {}];
      return [id, { state: String(operationHead.parse(JSON.parse(text.split('\n', 1)[0] ?? ''))[STATE_AT]) }];
    }),
  );
  return new Map(found);
}

async function hashes(redis: Redis, family: string, ids: readonly string[]): Promise<ReadonlyMap<string, Fields>> {
  const found = await Promise.all(ids.map(async (id) => [id, await redis.hgetall(`${ROOT}${family}/${id}`)] as const));
  return new Map(found);
}

async function recordedIn(redis: Redis): Promise<World['recorded']> {
  const all = await keysLike(redis, '*');
  const of = (family: string) => all.filter((key) => key.startsWith(family)).map((key) => key.slice(family.length));
  return { containers: of('container/'), revisions: of('revision/'), operations: of('operation/') };
}

async function devicesIn(redis: Redis): Promise<World['devices']> {
  const [gpus, ports, byInstance] = await Promise.all([
    redis.hgetall(`${ROOT}gpus`),
    redis.hgetall(`${ROOT}ports`),
    redis.hgetall(`${ROOT}devices`),
  ]);
  return { gpus, ports, byInstance };
}

async function queueIn(redis: Redis): Promise<World['queue']> {
  const [seconds, microseconds] = await redis.time();
  const now = Number(seconds) * 1000 + Number(microseconds) / 1000;
  const [leases, lapse, unclean, overdue] = await Promise.all([
    keysLike(redis, 'lease/*'),
    redis.zrange(`${ROOT}lapse`, 0, '-1'),
    redis.smembers(`${ROOT}unclean`),
    redis.zrangebyscore(`${ROOT}due`, '-inf', String(now)),
  ]);
  return { leases, lapse, unclean, overdue };
}

async function keysLike(redis: Redis, pattern: string): Promise<readonly string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${ROOT}${pattern}`.replace('{', '\\{'), 'COUNT', 1_000);
    for (const key of keys) found.add(key.slice(ROOT.length));
    cursor = next;
  } while (cursor !== '0');
  return [...found].sort();
}

async function dockerContainers({ host, socketPath, gpusSeen }: Engine): Promise<readonly DockerContainer[]> {
  const ids = await idsByLabel(socketPath, OURS, { all: true });
  // Each alone: one may be gone since it was listed, or be listed for minutes while it is removed, and must not hide the others.
  const found = await Promise.all(ids.map((id) => inspectContainer(socketPath, id)));
  return found
    .filter((one) => one !== null)
    .map(labelled)
    .map((one) => ({ host, ...one, gpusSeen: gpusSeen(one.id) }));
}

async function seenBy(api: Api, containerId: string, operationIds: readonly string[]): Promise<World['api']> {
  const container = await api.container(containerId);
  return {
    container,
    bindings: container === null ? [] : await api.bindings(containerId),
    revisions: container === null ? [] : await api.revisions(containerId),
    operations: await Promise.all(operationIds.map((id) => api.operation(id))),
  };
}

async function answerOf(url: string): Promise<World['answer']> {
  const target = new URL(url);
  const headers = { host: target.host };
  target.hostname = '127.0.0.1';
  try {
    const { status, body } = await http(target.href, { headers, timeoutMs: 5_000 });
    return { status, body };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}
