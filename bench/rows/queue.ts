import { z } from 'zod';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { cpuSecondsOf } from '../load/process-figures.js';
import { type Round, type RowSpec, valueAtLeast } from '../row.js';

const throughput: RowSpec = { name: 'work queue, enqueue to finished', unit: 'keys/s', target: valueAtLeast(10_000) };

const KEYS = 100_000;

/** The queue alone: 100,000 keys become due and are worked by one process, whose work is over at once. */
export const queue: Benchmark = {
  name: 'queue',
  rows: [throughput],
  async run(stage, report) {
    const redis = await stage.redis();
    const rounds: Round[] = [];
    const shares: { readonly worker: number; readonly redis: number }[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      await redis.cli('flushall');
      const before = cpuSecondsOf(redis.pid);
      const { hello } = await stage.program('queue', [redis.url, String(KEYS)]);
      const { seconds, cpuSeconds } = figures.parse(hello);
      rounds.push({ value: KEYS / seconds });
      shares.push({ worker: cpuSeconds / seconds, redis: (cpuSecondsOf(redis.pid) - before) / seconds });
    }
    const percent = (of: 'worker' | 'redis') => Math.round(median(shares.map((share) => share[of])) * 100);
    report(
      throughput,
      rounds,
      `${KEYS.toLocaleString('en')} keys; the process used ${percent('worker')} % of a core, Redis ${percent('redis')} %`,
    );
  },
};

const figures = z.object({ seconds: z.number(), cpuSeconds: z.number() });
