import { readFileSync } from 'node:fs';
import { setInterval } from 'node:timers';
import { z } from 'zod';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { type IngressStand, startIngressStand } from '../load/ingress-stand.js';
import { type Round, type RowSpec, ratioAtLeast, valueAtMost } from '../row.js';
import type { Stage } from '../stage.js';

const download: RowSpec = { name: 'ingress: 1 GiB downloaded', unit: 'MiB/s', target: ratioAtLeast(0.5) };
const upload: RowSpec = { name: 'ingress: 1 GiB uploaded', unit: 'MiB/s', target: ratioAtLeast(0.5) };
const memory: RowSpec = { name: 'ingress: growth of its memory meanwhile', unit: 'MiB', target: valueAtMost(64) };

const MEBIBYTE = 1024 * 1024;
const BYTES = 1024 * MEBIBYTE;
const WARM_UP_BYTES = 64 * MEBIBYTE;
const SAMPLE_MS = 20;
const NOTE = 'one connection to a node:http server that sends or counts';

/** A gibibyte in one message, each way, through the ingress and past it. */
export const ingressBulk: Benchmark = {
  name: 'ingress-bulk',
  rows: [download, upload, memory],
  async run(stage, report) {
    const stand = await startIngressStand(stage);
    const port = await portOf(stage, 'bare-upstream');
    const pipe = await portOf(stage, 'bare-proxy', ['pipe', `${port}`]);
    await stand.routeTo({ address: '127.0.0.1', port });
    for (const direction of DIRECTIONS) await move(stage, stand, direction, stand.port, WARM_UP_BYTES);

    const rounds = { download: [] as Round[], upload: [] as Round[] };
    const piped = { download: [] as number[], upload: [] as number[] };
    const growth: Round[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const before = residentMiB(stand.pid);
      let peak = before;
      for (const direction of DIRECTIONS) {
        const yardstick = await move(stage, stand, direction, port, BYTES);
        const sampler = setInterval(() => {
          peak = Math.max(peak, residentMiB(stand.pid));
        }, SAMPLE_MS);
        const value = await move(stage, stand, direction, stand.port, BYTES);
        clearInterval(sampler);
        rounds[direction].push({ value, yardstick });
        piped[direction].push((await move(stage, stand, direction, pipe, BYTES)) / yardstick);
      }
      growth.push({ value: peak - before });
    }
    const note = (direction: Direction) =>
      `${NOTE}; two sockets of Node joined in our place have a ratio of ${median(piped[direction]).toFixed(2)}`;
    report(download, rounds.download, note('download'));
    report(upload, rounds.upload, note('upload'));
    report(memory, growth, 'highest resident memory during both, less that before them');
  },
};

const DIRECTIONS = ['download', 'upload'] as const;
type Direction = (typeof DIRECTIONS)[number];

async function portOf(stage: Stage, program: string, args: readonly string[] = []): Promise<number> {
  return z.object({ port: z.number() }).parse((await stage.program(program, args)).hello).port;
}

/** In MiB/s. */
async function move(
  stage: Stage,
  { host }: IngressStand,
  direction: Direction,
  port: number,
  bytes: number,
): Promise<number> {
  const program = await stage.program('bulk', [direction, `${port}`, host, `${bytes}`]);
  await program.ended;
  const { seconds } = moved.parse(JSON.parse(program.lines().at(-1) ?? ''));
  return bytes / MEBIBYTE / seconds;
}

const moved = z.object({ seconds: z.number(), whole: z.literal(true) });

function residentMiB(pid: number): number {
  const kibibytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}
