import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createBatches } from './batches.js';
import type { Keys } from './keys.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { integer, texts } from './redis-replies.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { ScriptRunner } from './script-runner.js';
import { decodeTrouble } from './trouble.js';
import { type Lease, SUSPECT_DEATHS, type WorkKey, type WorkQueue } from './work.js';

export interface RedisWorkQueueDeps {
  readonly scripts: ScriptRunner;
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
}

/** Keeps one script short; who wants more asks again. */
const MOST_AT_ONCE = 500;

export function createRedisWorkQueue({ scripts, connection, subscriber, keys }: RedisWorkQueueDeps): WorkQueue {
  const release = createBatches(MOST_AT_ONCE, async (leases: readonly object[]) => {
    await guarded(scripts.run('release', { leases }));
    return leases;
  });
  const enqueue = createBatches(MOST_AT_ONCE, async (entries: readonly object[]) => {
    await guarded(scripts.run('enqueue', { entries }));
    return entries;
  });
  return {
    take: async (count, ttlMs, suspects = count, token = randomBytes(12).toString('hex')) => {
      const most = { count: Math.min(count, MOST_AT_ONCE), suspects, suspectDeaths: SUSPECT_DEATHS };
      const reply = await guarded(scripts.run('take', { requestId: token, token, ttlMs, ...most }));
      return leasesOf(texts.parse(reply), token);
    },
    renew: async (leases, ttlMs) => {
      if (leases.length === 0) return [];
      const held = leases.map(({ key, fence, token }) => ({ key, fence, token }));
      return texts.parse(await guarded(scripts.run('renew', { leases: held, ttlMs }))).map(keyOf);
    },
    release: async ({ key, fence, token }, { delayMs, clean, failed, tried = true }) => {
      const delay = delayMs === null ? {} : { delayMs: Math.ceil(delayMs) };
      await release({ key, fence, token, clean, tried, ...delay, ...(failed !== undefined && { failed }) });
    },
    enqueue: async (key, delayMs) => {
      await enqueue({ key, delayMs: Math.ceil(delayMs) });
    },
    onHint: (listener) =>
      subscriber.on(keys.key('hints'), (message) => {
        for (const key of message.split(' ')) if (isWorkKey(key)) listener(key);
      }),
    nextDue: async () => {
      const reply = integer.parse(await guarded(scripts.run('next-due', {})));
      return reply < 0 ? null : reply;
    },
    backlog: async () => {
      const due = keys.key('due');
      const asked = await guarded(
        connection.call((client) =>
          replies(
            client.pipeline().zcard(due).zrange(due, '0', '0', 'WITHSCORES').time().hget(keys.key('clock'), 'lead'),
          ),
        ),
      );
      const [count, first, [seconds, micros], lead] = backlogReply.parse(asked);
      const now = Number(seconds) * 1000 + Number(micros) / 1000 + Number(lead);
      return { keys: count, oldestMs: Math.max(0, now - Number(first[1] ?? now)) };
    },
  };
}

const time = z.tuple([z.coerce.number(), z.coerce.number()]);
const backlogReply = z.tuple([integer, texts, time, z.string().nullable()]);

const isWorkKey = (value: unknown): value is WorkKey =>
  typeof value === 'string' && (value.startsWith('container/') || value.startsWith('host/'));

function leasesOf([now, ...flat]: readonly string[], token: string): readonly Lease[] {
  const leases: Lease[] = [];
  for (let at = 0; at + 3 < flat.length; at += 4) {
    const [key, fence, unclean, trouble] = flat.slice(at, at + 4);
    leases.push({
      key: keyOf(key),
      fence: Number(fence),
      token,
      unclean: unclean === '1',
      trouble: trouble ? readable(trouble, Number(now)) : null,
    });
  }
  return leases;
}

/** What cannot be read must not cost all those leases their holder. */
function readable(trouble: string, now: number): Lease['trouble'] {
  try {
    return decodeTrouble(trouble, now);
  } catch {
    return null;
  }
}

export function keyOf(name: string | undefined): WorkKey {
  if (isWorkKey(name)) return name;
  throw new TypeError(`${name} is no work key`);
}
