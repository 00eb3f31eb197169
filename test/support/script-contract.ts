import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { treePath } from '../../src/paths.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from '../../src/store/script-runner.js';

/** The comment at the top of a script. */
export function headerOf(name: ScriptName): string {
  const source = readFileSync(treePath('src', 'store', 'scripts', `${name}.lua`), 'utf8');
  return source.slice(0, source.search(/^(?!--)/m));
}

export const isFenced = (name: ScriptName): boolean => /^-- Errors {2}.*LEASE_LOST/m.test(headerOf(name));

type Dump = Readonly<Record<string, unknown>>;

/**
 * Everything in a Redis. Scores of the queue are times; `drift` says that a script may move them by the time between two runs, so they are
 * rounded away there.
 */
export async function dump(redis: Redis, drift = false): Promise<Dump> {
  const names = (await redis.keys('*')).sort();
  const entries = await Promise.all(names.map(async (name) => [name, await valueOf(redis, name, drift)] as const));
  return Object.fromEntries(entries);
}

async function valueOf(redis: Redis, name: string, drift: boolean): Promise<unknown> {
  const expires = (await redis.pttl(name)) >= 0;
  switch (await redis.type(name)) {
    case 'hash': {
      const fields = await redis.hgetall(name);
      return { expires, value: drift && name.endsWith(':ingress-until') ? Object.keys(fields).sort() : fields };
    }
    case 'zset': {
      const members = await redis.zrangebyscore(name, '-inf', '+inf', 'WITHSCORES');
      return {
        expires,
        value: drift && /:(due|lapse)$/.test(name) ? members.filter((_, at) => at % 2 === 0) : members,
      };
    }
    case 'set':
      return { expires, value: (await redis.smembers(name)).sort() };
    case 'list':
      return { expires, value: await redis.lrange(name, 0, -1) };
    default:
      return { expires, value: await redis.get(name) };
  }
}

/** What they reply begins with Redis time. */
const TIMED: ReadonlySet<ScriptName> = new Set(['load', 'look', 'load-host']);
/** They write nothing, so that an early step of theirs harms nobody. */
const READINGS: ReadonlySet<ScriptName> = new Set(['load', 'load-host']);

/** A reply without what the clock changes between two runs. */
function timeless(name: ScriptName, reply: unknown): unknown {
  if (!TIMED.has(name) || !Array.isArray(reply)) return reply;
  const [around, ...rest] = z
    .tuple([z.array(z.unknown())])
    .rest(z.unknown())
    .parse(reply);
  return [around.slice(1), ...rest];
}

export interface ContractRunner {
  readonly wrap: (runner: ScriptRunner) => ScriptRunner;
  /** How often each script went through the contract. */
  readonly seen: Map<ScriptName, number>;
}

/**
 * Puts every script through what all of them promise. Under a lease that is not the caller's it changes nothing and says LEASE_LOST (or, where
 * losing it is no error, nothing). Run twice, it replies the same and leaves the same. An earlier step of the same lease is refused.
 */
export function scriptContract(redis: Redis): ContractRunner {
  const seen = new Map<ScriptName, number>();
  const wrap = (runner: ScriptRunner): ScriptRunner => ({
    run: async (name, args) => {
      seen.set(name, (seen.get(name) ?? 0) + 1);
      await strangers(redis, runner, name, args);
      const first = await settled(runner.run(name, args));
      const drifts = name === 'renew' || name === 'report-ingress';
      const left = await dump(redis, drifts);
      const second = await settled(runner.run(name, args));
      expect(timeless(name, second)).toEqual(timeless(name, first));
      expect(await dump(redis, drifts)).toEqual(left);
      if ('step' in args && !(first instanceof Error)) await lateCopy(redis, runner, name, args);
      if (first instanceof Error) throw first;
      return first;
    },
  });
  return { wrap, seen };
}

const settled = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));

async function strangers(redis: Redis, runner: ScriptRunner, name: ScriptName, args: ScriptArguments): Promise<void> {
  if (name === 'take' || name === 'renew') return;
  const before = await dump(redis);
  for (const forged of forgeries(args)) {
    const reply = await settled(runner.run(name, forged));
    if (isFenced(name)) expect(String(reply)).toMatch(/LEASE_LOST/);
    else expect(reply).toBe('OK');
    expect(await dump(redis)).toEqual(before);
  }
}

/** The same under leases that are not the caller's. */
function forgeries(args: ScriptArguments): readonly ScriptArguments[] {
  const forged = (lease: ScriptArguments): readonly ScriptArguments[] =>
    [{ token: 'another' }, { fence: Number(lease.fence) - 1 }, { fence: Number(lease.fence) + 1 }].map((change) => ({
      ...lease,
      ...change,
    }));
  if ('token' in args) return forged(args);
  const leases = z.array(z.record(z.string(), z.unknown())).optional().parse(args.leases) ?? [];
  return leases.flatMap((lease) => forged(lease).map((one) => ({ ...args, leases: [one] })));
}

async function lateCopy(redis: Redis, runner: ScriptRunner, name: ScriptName, args: ScriptArguments): Promise<void> {
  const before = await dump(redis);
  const reply = await settled(runner.run(name, { ...args, step: Number(args.step) - 1 }));
  if (!READINGS.has(name)) expect(String(reply)).toMatch(/STALE_STEP/);
  expect(await dump(redis)).toEqual(before);
}
