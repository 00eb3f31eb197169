import type { Redis } from 'ioredis';
import { z } from 'zod';

/** What Redis holds once it has forgotten everything that it will forget within a day. */
export interface RedisMemory {
  /** Of all data, with what Redis itself needs to find it; without buffers of connections and of the log. */
  readonly bytes: number;
  /** Of that, by the family of keys, as `MEMORY USAGE` counts it. */
  readonly families: ReadonlyMap<string, number>;
}

const DAY_MS = 24 * 3_600_000;

/** Deletes what expires within a day (idempotency records, memories of requests), for it is not history, and measures what is left. */
export async function redisMemory(redis: Redis): Promise<RedisMemory> {
  await forgetWhatExpires(redis);
  const families = new Map<string, number>();
  for await (const names of scanned(redis)) {
    const sizes = await all(
      redis,
      names.map((name) => ['memory', 'usage', name, 'samples', '0']),
    );
    for (const [at, name] of names.entries()) {
      const family = /^\{.*\}:([^/]*)/.exec(name)?.[1] ?? name;
      families.set(family, (families.get(family) ?? 0) + (sizes[at] ?? 0));
    }
  }
  return { bytes: await allocated(redis), families };
}

async function forgetWhatExpires(redis: Redis): Promise<void> {
  for await (const names of scanned(redis)) {
    const lives = await all(
      redis,
      names.map((name) => ['pttl', name]),
    );
    const dying = names.filter((_, at) => (lives[at] ?? -1) >= 0 && (lives[at] ?? -1) <= DAY_MS);
    if (dying.length > 0) await redis.del(...dying);
  }
}

/** Once tables are no longer being moved, which Redis does bit by bit. */
async function allocated(redis: Redis): Promise<number> {
  let last = Number.NaN;
  for (;;) {
    const info = await redis.info('memory');
    const [used, clients, log] = ['used_memory', 'mem_clients_normal', 'mem_aof_buffer'].map((name) =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]),
    );
    const bytes = (used ?? 0) - (clients ?? 0) - (log ?? 0);
    if (Math.abs(bytes - last) < 10_000) return bytes;
    last = bytes;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

function scanned(redis: Redis): AsyncIterable<string[]> {
  return redis.scanStream({ count: 1_000 });
}

const numbers = z.array(z.tuple([z.null(), z.number()]));

async function all(redis: Redis, commands: string[][]): Promise<readonly number[]> {
  return numbers.parse(await redis.pipeline(commands).exec()).map(([, reply]) => reply);
}
