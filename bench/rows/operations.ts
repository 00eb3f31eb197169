import { join } from 'node:path';
import { newDirectory } from '../../test/support/run-directory.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { memoryStand } from '../load/memory-stand.js';
import { cpuSecondsOf } from '../load/process-figures.js';
import { type RowSpec, ratioAtLeast, valueAtLeast } from '../row.js';
import type { Stage } from '../stage.js';

const one: RowSpec = { name: 'operations end to end, one worker', unit: '1/s', target: valueAtLeast(500) };
const two: RowSpec = { name: 'operations end to end, two workers', unit: '1/s', target: ratioAtLeast(1.4) };

const CONTAINERS = 1_000;
/** Deployed first and not measured: a service that has just been started spends most of its time on compiling itself. */
const WARM_UP = 1_000;
const HOSTS = 20;
const GPUS_EACH = 8;

/** DeployRevision until done on hosts in memory, 1,000 containers at once: API, workers, Redis and what submits share the machine, and are warm. */
export const operations: Benchmark = {
  name: 'operations',
  rows: [one, two],
  async run(stage, report) {
    const alone: Taken[] = [];
    const sharing: Taken[] = [];
    const both: Taken[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      alone.push(await measure(stage, { workers: 1, shared: false }));
      sharing.push(await measure(stage, { workers: 1, shared: true }));
      both.push(await measure(stage, { workers: 2, shared: true }));
    }
    report(one, alone, `its hosts in its own memory; cores used: ${sharesOf(alone)}`);
    report(
      two,
      both.map(({ value }, at) => ({ value, yardstick: sharing[at]?.value ?? Number.NaN })),
      `against one worker, the hosts in a process that both ask; cores used by two: ${sharesOf(both)}; by one: ${sharesOf(sharing)}`,
    );
  },
};

interface Taken {
  readonly value: number;
  /** Cores in use, by process. */
  readonly cores: Readonly<Record<string, number>>;
}

function sharesOf(taken: readonly Taken[]): string {
  const names = Object.keys(taken[0]?.cores ?? {});
  return names.map((name) => `${name} ${median(taken.map(({ cores }) => cores[name] ?? 0)).toFixed(2)}`).join(', ');
}

async function measure(stage: Stage, { workers, shared }: { workers: number; shared: boolean }): Promise<Taken> {
  const redis = await stage.redis();
  const api = await stage.service({ REDIS_URL: redis.url, LONGSHORE_ROLES: 'api' });
  const socket = join(newDirectory('engines'), 's');
  const engines = shared ? await stage.program('memory-engines', [socket]) : null;
  const args = [String(HOSTS), String(GPUS_EACH), ...(shared ? [socket] : [])];
  const started = await Promise.all(
    Array.from({ length: workers }, () => {
      const LONGSHORE_DATA_DIR = newDirectory('data');
      return stage.program('memory-service', args, {
        ...{ REDIS_URL: redis.url, LONGSHORE_ROLES: 'worker', LONGSHORE_HTTP_ADDR: '127.0.0.1:0', LONGSHORE_DATA_DIR },
      });
    }),
  );
  const stand = await memoryStand(stage, redis, api.grpc);
  const created = await stand.create(WARM_UP + CONTAINERS);
  await stand.deploy(created.slice(0, WARM_UP));
  const ids = created.slice(WARM_UP);
  const pids = {
    ...Object.fromEntries(started.map(({ pid }, at) => [`worker ${at + 1}`, pid])),
    ...{ redis: redis.pid, api: api.pid, submits: process.pid },
    ...(engines && { hosts: engines.pid }),
  };
  const cpu = () => Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid)] as const);
  const [begun, before] = [performance.now(), cpu()];
  await stand.deploy(ids);
  const seconds = (performance.now() - begun) / 1000;
  const used = cpu().map(([name, after], at) => [name, (after - (before[at]?.[1] ?? 0)) / seconds] as const);
  for (const program of [...started, api, ...(engines ? [engines] : [])]) await program.stop();
  return { value: CONTAINERS / seconds, cores: Object.fromEntries(used) };
}
