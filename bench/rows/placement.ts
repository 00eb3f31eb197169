import { z } from 'zod';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import type { RowSpec } from '../row.js';
import { valueAtLeast } from '../row.js';

const whole: RowSpec = {
  name: 'placement, 1,000 hosts 90 % full, with the lease',
  unit: 'decisions/s',
  target: valueAtLeast(1_500),
};
const pure: RowSpec = { name: 'placement, the pure part', unit: 'decisions/s', target: valueAtLeast(5_000) };

const HOSTS = 1_000;
const SECONDS = 5;

/** Where instances of 1 to 8 GPUs go on 1,000 hosts with 8 GPUs each: decided with all filters, leased with the script. */
export const placement: Benchmark = {
  name: 'placement',
  rows: [whole, pure],
  async run(stage, report) {
    const redis = await stage.redis();
    const found: z.infer<typeof figures>[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      await redis.cli('flushall');
      const { hello } = await stage.program('placement', [redis.url, String(HOSTS), String(SECONDS)]);
      found.push(figures.parse(hello));
    }
    const [share, refused] = [median(found.map(({ cpuShare }) => cpuShare)), median(found.map((one) => one.refused))];
    report(
      whole,
      found.map(({ perSecond }) => ({ value: perSecond })),
      `64 at once; each ends an older instance as well, which is not counted; ${refused} found no room or were too late, and are not counted either; ` +
        `the process used ${Math.round(share * 100)} % of a core`,
    );
    report(
      pure,
      found.map(({ purePerSecond }) => ({ value: purePerSecond })),
    );
  },
};

const figures = z.object({
  perSecond: z.number(),
  refused: z.number(),
  cpuShare: z.number(),
  purePerSecond: z.number(),
});
