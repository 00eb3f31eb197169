import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Keys } from './keys.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { integer, texts } from './redis-replies.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { ScriptRunner } from './script-runner.js';
import type { Lease, WorkKey, WorkQueue } from './work.js';

export interface RedisWorkQueueDeps {
  readonly scripts: ScriptRunner;
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
}

/** Keeps one script short; who wants more asks again. */
const MOST_AT_ONCE = 500;

export function createRedisWorkQueue({ scripts, connection, subscriber, keys }: RedisWorkQueueDeps): WorkQueue {
  return {
    take: async (count, ttlMs) => {
      const token = randomBytes(12).toString('hex');
      const reply = await guarded(
        scripts.run('take', { requestId: token, token, count: Math.min(count, MOST_AT_ONCE), ttlMs }),
      );
      return leasesOf(texts.parse(reply), token);
    },
    renew: async (leases, ttlMs) => {
      if (leases.length === 0) return [];
      const held = leases.map(({ key, fence, token }) => ({ key, fence, token }));
      return z.array(workKey).parse(await guarded(scripts.run('renew', { leases: held, ttlMs })));
    },
    release: async ({ key, fence, token }, { delayMs, clean }) => {
      const delay = delayMs === null ? {} : { delayMs: Math.ceil(delayMs) };
      await guarded(scripts.run('release', { key, fence, token, clean, ...delay }));
    },
    enqueue: async (key, delayMs) => {
      await guarded(scripts.run('enqueue', { key, delayMs: Math.ceil(delayMs) }));
    },
    onHint: (listener) =>
      subscriber.on(keys.key('hints'), (message) => {
        const key = workKey.safeParse(message);
        if (key.success) listener(key.data);
      }),
    nextDue: async () => {
      const reply = integer.parse(await guarded(scripts.run('next-due', {})));
      return reply < 0 ? null : reply;
    },
    backlog: async () => {
      const due = keys.key('due');
      const asked = await guarded(
        connection.call((client) => replies(client.pipeline().zcard(due).zrange(due, '0', '0', 'WITHSCORES').time())),
      );
      const [count, first, [seconds, micros]] = backlogReply.parse(asked);
      const now = Number(seconds) * 1000 + Number(micros) / 1000;
      return { keys: count, oldestMs: Math.max(0, now - Number(first[1] ?? now)) };
    },
  };
}

const backlogReply = z.tuple([integer, texts, z.tuple([z.coerce.number(), z.coerce.number()])]);

const workKey = z.custom<WorkKey>((value) => typeof value === 'string' && /^(container|host)\//.test(value));

function leasesOf(flat: readonly string[], token: string): readonly Lease[] {
  const leases: Lease[] = [];
  for (let at = 0; at + 2 < flat.length; at += 3)
    leases.push({ key: workKey.parse(flat[at]), fence: Number(flat[at + 1]), token, unclean: flat[at + 2] === '1' });
  return leases;
}
