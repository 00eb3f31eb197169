import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';
import { makeId } from '../domain/ids.js';
import type { Keys } from './keys.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { integer, texts } from './redis-replies.js';
import type { ScriptRunner } from './script-runner.js';
import { RECORD_FORMAT, tooNew } from './stored.js';
import type { ControlPlane } from './work.js';

export interface ControlPlaneDeps {
  readonly scripts: ScriptRunner;
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly close: () => Promise<void>;
}

/** The oldest Redis whose commands we use (ZADD LT). */
const OLDEST = [6, 2] as const;

const assumption = z.enum(['OK', 'HOLDS', 'OTHER']);

export function createRedisControlPlane({ scripts, connection, keys, close }: ControlPlaneDeps): ControlPlane {
  const plane = keys.key('control-plane');
  const open = async () => {
    const candidate = makeId('controlPlane', randomBytes(17));
    return z.tuple([z.string(), integer]).parse(await guarded(scripts.run('open', { candidate })));
  };
  return {
    id: async () => (await open())[0],
    check: async () => {
      const { warnings } = await judgeRedis(connection);
      const [, format] = await open();
      if (format > RECORD_FORMAT) throw tooNew('the data', format);
      return warnings;
    },
    ping: async () => {
      await guarded(connection.call((client) => client.ping()));
    },
    assume: async (ids) => assumption.parse(await guarded(scripts.run('assume', { ...ids }))),
    present: () => guarded(connection.call((client) => client.hget(plane, 'id'))),
    close,
  };
}

export interface RedisJudgement {
  readonly version: string;
  readonly warnings: readonly string[];
}

/** Whether this Redis may hold our records; only reads. Rejects with FAILED_PRECONDITION where it may not. */
export async function judgeRedis(connection: RedisConnection): Promise<RedisJudgement> {
  const info = parseInfo(await guarded(connection.call(async (client) => z.string().parse(await client.info()))));
  refuseUnfit(info);
  const warnings = [...policyWarnings(info), ...(await persistenceWarnings(info, connection))];
  return { version: info.get('redis_version') ?? '', warnings };
}

type Info = ReadonlyMap<string, string>;

function parseInfo(text: string): Info {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** Throws where this Redis would lose or refuse records. INFO is allowed where CONFIG often is not. */
function refuseUnfit(info: Info): void {
  const version = info.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw unfit('REDIS_TOO_OLD', `Redis ${version} is too old: ${OLDEST.join('.')} or later is needed`);
  if (info.get('role') === 'slave')
    throw unfit('REDIS_IS_REPLICA', 'this Redis is a replica and takes no writes: name its primary');
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    throw unfit(
      'REDIS_EVICTS',
      `this Redis may evict records (maxmemory-policy ${policy}): run "redis-cli config set maxmemory-policy noeviction" and set it in redis.conf`,
    );
}

function unfit(reason: string, message: string): DomainError {
  const preconditions = [{ type: reason, subject: 'redis', description: message }];
  return new DomainError({ code: 'FAILED_PRECONDITION', reason, message, preconditions });
}

function policyWarnings(info: Info): readonly string[] {
  return info.has('maxmemory_policy')
    ? []
    : ['Redis does not tell its maxmemory-policy: make sure that it is noeviction'];
}

async function persistenceWarnings(info: Info, connection: RedisConnection): Promise<readonly string[]> {
  if (info.get('aof_enabled') === '1') return [];
  const save = await snapshotRule(connection);
  if (save === null)
    return ['Redis does not tell whether it saves snapshots, and has no append-only file: make sure that it persists'];
  if (save === '') return ['Redis persists nothing (no append-only file, no snapshots): a restart loses all records'];
  return ['Redis has snapshots but no append-only file: a crash loses the records since the last snapshot'];
}

/** The `save` setting; null where CONFIG is forbidden. */
async function snapshotRule(connection: RedisConnection): Promise<string | null> {
  try {
    const [reply] = await connection.call((client) => replies(client.pipeline().config('GET', 'save')));
    return texts.parse(reply)[1] ?? '';
  } catch {
    return null;
  }
}
