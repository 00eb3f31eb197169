import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { newDirectory } from '../../test/support/run-directory.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { memoryHostName } from '../load/memory-hosts.js';
import { type MemoryStand, memoryStand } from '../load/memory-stand.js';
import { cpuSecondsOf } from '../load/process-figures.js';
import { type RowSpec, valueAtMost } from '../row.js';
import type { Program, Stage } from '../stage.js';

const steady: RowSpec = {
  name: 'CPU in steady state, 1,000 containers on 20 hosts',
  unit: '% of a core',
  target: valueAtMost(2),
};
const whole: RowSpec = {
  name: 'full observation and planning, 10,000 instances on 100 hosts',
  unit: 's',
  target: valueAtMost(2),
};

const WINDOW_MS = 30_000;
/** Longer than what is deployed is watched, and what there is to do at the end of that. */
const SETTLES_MS = 75_000;
const POLL_MS = 5;

interface Service extends MemoryStand {
  readonly pid: number;
  readonly redisPid: number;
}

/** What it costs to know that nothing has to be done: the whole service (API, worker and ingress) on hosts in memory. */
export const steadyState: Benchmark = {
  name: 'steady',
  rows: [steady],
  async run(stage, report) {
    const service = await running(stage, { hosts: 20, containers: 1_000 });
    await delay(SETTLES_MS);
    const rounds: number[] = [];
    const redis: number[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const before = [cpuSecondsOf(service.pid), cpuSecondsOf(service.redisPid)] as const;
      await delay(WINDOW_MS);
      rounds.push(((cpuSecondsOf(service.pid) - before[0]) / WINDOW_MS) * 100_000);
      redis.push(((cpuSecondsOf(service.redisPid) - before[1]) / WINDOW_MS) * 100_000);
    }
    report(
      steady,
      rounds.map((value) => ({ value })),
      `each host observed every 30 s; Redis used ${median(redis).toFixed(1)} %`,
    );
  },
};

/** Every host at once, from the moment at which all are due until nothing is due any more. */
export const observation: Benchmark = {
  name: 'observation',
  rows: [whole],
  async run(stage, report) {
    const hosts = 100;
    const service = await running(stage, { hosts, containers: 10_000 });
    const keys = Array.from({ length: hosts }, (_, number) => `host/${memoryHostName(number)}` as const);
    const rounds: number[] = [];
    const busy: number[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      while (!(await service.idle())) await delay(POLL_MS);
      const [begun, before] = [performance.now(), cpuSecondsOf(service.pid)];
      await service.wake(keys);
      while (!(await service.idle())) await delay(POLL_MS);
      const seconds = (performance.now() - begun) / 1000;
      rounds.push(seconds);
      busy.push(((cpuSecondsOf(service.pid) - before) / seconds) * 100);
    }
    report(
      whole,
      rounds.map((value) => ({ value })),
      `one process, which used ${Math.round(median(busy))} % of a core`,
    );
  },
};

async function running(stage: Stage, { hosts, containers }: { hosts: number; containers: number }): Promise<Service> {
  const redis = await stage.redis();
  const program: Program = await stage.program('memory-service', [String(hosts), '8'], {
    REDIS_URL: redis.url,
    LONGSHORE_GRPC_ADDR: '127.0.0.1:0',
    LONGSHORE_HTTP_ADDR: '127.0.0.1:0',
    LONGSHORE_INGRESS_ADDR: '127.0.0.1:0',
    LONGSHORE_DATA_DIR: newDirectory('data'),
  });
  const stand = await memoryStand(stage, redis, hello.parse(program.hello).grpc);
  await stand.deploy(await stand.create(containers));
  return { ...stand, pid: program.pid, redisPid: redis.pid };
}

const hello = z.object({ grpc: z.string() });
