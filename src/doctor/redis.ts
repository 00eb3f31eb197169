import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import type { HostRecord } from '../domain/host.js';
import { type Trouble, troubleText } from '../domain/trouble.js';
import { ping } from '../embedded/ping.js';
import { redisDir, socketPath } from '../embedded/place.js';
import { member, textOf } from '../engine/docker-json.js';
import { lookAtRedis } from '../store/redis-look.js';
import { type Diagnosis, failed, messageOf, ok, warning } from './diagnosis.js';

/** Who we are. `id` null: no service has used this Redis yet, so that every claim on an engine is somebody else's. */
export interface ControlPlaneKnown {
  readonly id: string | null;
}

export interface RedisFindings {
  readonly diagnoses: readonly Diagnosis[];
  /** Null where it is not known, since Redis does not answer. */
  readonly controlPlane: ControlPlaneKnown | null;
  /** As workers last saw them; empty where Redis does not answer. */
  readonly hosts: readonly HostRecord[];
  /** How many instances hold something of a host, by its name. */
  readonly holders: ReadonlyMap<string, number>;
  /** Where Redis was asked; null: it does not run. */
  readonly url: string | null;
}

/** Which Redis the service uses, and the name of its keys there. */
export interface RedisPlace {
  /** Null: the private one in `dataDir`, which is looked at if a service runs it now, and not started. */
  readonly redisUrl: string | null;
  readonly keyspace: string;
  readonly dataDir: string;
}

const NO_HOLDERS: ReadonlyMap<string, number> = new Map();

export async function diagnoseRedis({ redisUrl, keyspace, dataDir }: RedisPlace): Promise<RedisFindings> {
  if (redisUrl !== null) return look(redisUrl, keyspace, 'start it, or set REDIS_URL to one that runs');
  const socket = socketPath(dataDir);
  if ((await ping(socket)) === 'PONG') return look(`unix://${socket}`, keyspace, 'restart the service');
  const controlPlane = (await isUnused(redisDir(dataDir))) ? { id: null } : null;
  return { diagnoses: await diagnosePrograms(dataDir), controlPlane, hosts: [], holders: NO_HOLDERS, url: null };
}

async function look(url: string, keyspace: string, mend: string): Promise<RedisFindings> {
  try {
    const { version, warnings, controlPlaneId, parked, hosts, holders } = await lookAtRedis(url, keyspace);
    const use = controlPlaneId === null ? 'no control plane has used it yet' : `control plane ${controlPlaneId}`;
    const diagnoses = [
      ok('redis', `version ${version} answers; ${use}`),
      ...warnings.map((text) => warning('redis', text)),
      ...parked.map(({ key, trouble }) => diagnoseParked(key, trouble)),
    ];
    return { diagnoses, controlPlane: { id: controlPlaneId }, hosts, holders, url };
  } catch (error) {
    const message = messageOf(error);
    const diagnoses = [failed('redis', message, mendOf(message) ?? mend)];
    return { diagnoses, controlPlane: null, hosts: [], holders: NO_HOLDERS, url };
  }
}

function diagnoseParked(key: string, trouble: Trouble): Diagnosis {
  const [kind = '', name = ''] = key.split('/');
  const mend =
    kind === 'container'
      ? `see the lines of the log with "key":"${key}", mend what they say, then deploy it anew: that tries it at once`
      : `see the lines of the log with "key":"${key}" and mend what they say: it is tried again at least once an hour`;
  const since = new Date(trouble.parkedAt ?? trouble.since).toISOString();
  return failed(`${kind} ${name}`, `parked since ${since}: ${troubleText(trouble)}`, mend);
}

/** Null where Redis did not say why. */
function mendOf(message: string): string | null {
  // Says it itself.
  if (message.includes('maxmemory-policy')) return '';
  if (message.includes('refuses our credentials')) return 'put its user and password into REDIS_URL';
  if (message.includes('refuses the database'))
    return 'name a database that it has in REDIS_URL: redis://host:6379/0 (its redis.conf says how many: databases)';
  return null;
}

/** Whether no private Redis has kept anything there. */
async function isUnused(dir: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0;
  } catch (error) {
    return textOf(member(error, 'code')) === 'ENOENT';
  }
}

/** What `serve` needs to start the private one. */
async function diagnosePrograms(dataDir: string): Promise<readonly Diagnosis[]> {
  const programs = { 'redis-server': 'redis-server', setpriv: 'util-linux', flock: 'util-linux' };
  const missing = await Promise.all(
    Object.entries(programs).map(async ([program, pkg]) => ((await runs(program)) ? [] : [{ program, pkg }])),
  );
  const faults = missing
    .flat()
    .map(({ program, pkg }) =>
      failed('redis', `${program} is not installed`, `on Debian and Ubuntu: apt-get install ${pkg}`),
    );
  if (faults.length > 0) return faults;
  return [ok('redis', `the service does not run; it will start a private redis-server in ${redisDir(dataDir)}`)];
}

function runs(program: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: 10_000 }, (error) => resolve(error?.code !== 'ENOENT'));
  });
}
