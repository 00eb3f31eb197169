import { z } from 'zod';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { http1Load } from '../load/http1-load.js';
import { type IngressStand, startIngressStand } from '../load/ingress-stand.js';
import { type Round, type RowSpec, ratioAtLeast, valueAtMost } from '../row.js';
import type { Stage } from '../stage.js';

const throughput: RowSpec = { name: 'ingress: requests', unit: '1/s', target: ratioAtLeast(0.5) };
const p50: RowSpec = { name: 'ingress: added latency, p50', unit: 'ms', target: valueAtMost(1) };
const p99: RowSpec = { name: 'ingress: added latency, p99', unit: 'ms', target: valueAtMost(5) };

const CONNECTIONS = 64;
const LOAD_SECONDS = 3;
/** About a tenth of what the upstream can do. */
const PACED_PER_SECOND = 1_000;
const PATH = '/status?code=200';

/** The demo's application in a container, called on its published port: by the load directly, and by the ingress. */
export const ingress: Benchmark = {
  name: 'ingress',
  rows: [throughput, p50, p99],
  async run(stage, report) {
    const [stand, container, bare] = [
      await startIngressStand(stage),
      await startContainer(stage),
      await portOf(stage, 'bare-upstream'),
    ];
    const copy = await portOf(stage, 'bare-proxy', ['copy', `${container}`]);
    const bareRounds: Round[] = [];
    const rounds: Round[] = [];
    const copyRatios: number[] = [];
    const shares: number[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const found = await compareLoad(stand, container, PATH);
      rounds.push(found);
      shares.push(found.generatorShare);
      copyRatios.push((await loadOn(stand, copy, PATH)).perSecond / found.yardstick);
      bareRounds.push(await compareLoad(stand, bare, '/'));
    }
    const bareRatio = median(bareRounds.map(({ value, yardstick = Number.NaN }) => value / yardstick));
    report(
      throughput,
      rounds,
      `against the demo app in a container on its published port, ${CONNECTIONS} kept connections of h2load, which used at most ` +
        `${Math.round(Math.max(...shares) * 100)} % of a core; a node:http server in our place that only copies each request to a ` +
        `kept socket has a ratio of ${median(copyRatios).toFixed(2)}; against a node:http server that does nothing ours is ` +
        bareRatio.toFixed(2),
    );
    await compareLatency(stage, stand, { container, copy }, report);
  },
};

async function startContainer(stage: Stage): Promise<number> {
  const engine = await stage.engine();
  await engine.docker('run', '-d', '--name', 'upstream', '-p', '127.0.0.1::8080', 'longshore/demo-app:latest');
  stage.after(() => engine.docker('rm', '-f', 'upstream'));
  return Number((await engine.docker('port', 'upstream', '8080')).trim().split(':').at(-1));
}

async function portOf(stage: Stage, program: string, args: readonly string[] = []): Promise<number> {
  const { hello } = await stage.program(program, args);
  return z.object({ port: z.number() }).parse(hello).port;
}

async function compareLoad(stand: IngressStand, port: number, path: string) {
  await stand.routeTo({ address: '127.0.0.1', port });
  const direct = await loadOn(stand, port, path);
  const through = await loadOn(stand, stand.port, path);
  return { value: through.perSecond, yardstick: direct.perSecond, generatorShare: direct.generatorShare };
}

function loadOn({ host }: IngressStand, port: number, path: string) {
  return http1Load({ path, host, port, connections: CONNECTIONS, seconds: LOAD_SECONDS });
}

async function compareLatency(
  stage: Stage,
  stand: IngressStand,
  { container, copy }: { readonly container: number; readonly copy: number },
  report: Parameters<Benchmark['run']>[1],
): Promise<void> {
  await stand.routeTo({ address: '127.0.0.1', port: container });
  const added: { p50: Round[]; p99: Round[] } = { p50: [], p99: [] };
  const directly: { p50: number[]; p99: number[] } = { p50: [], p99: [] };
  const copied: { p50: number[]; p99: number[] } = { p50: [], p99: [] };
  for (let round = 0; round < stage.rounds; round += 1) {
    const direct = await paced(stage, container, stand.host);
    const through = await paced(stage, stand.port, stand.host);
    const copying = await paced(stage, copy, stand.host);
    for (const share of ['p50', 'p99'] as const) {
      added[share].push({ value: through[share] - direct[share] });
      directly[share].push(direct[share]);
      copied[share].push(copying[share] - direct[share]);
    }
  }
  const note = (share: 'p50' | 'p99') =>
    `at ${PACED_PER_SECOND} requests/s by the clock; directly ${median(directly[share]).toFixed(2)} ms; a node:http server in our place that only copies ` +
    `adds ${median(copied[share]).toFixed(2)} ms`;
  report(p50, added.p50, note('p50'));
  report(p99, added.p99, note('p99'));
}

const pacedResult = z.object({ p50: z.number(), p99: z.number(), answered: z.number(), failed: z.literal(0) });

async function paced(stage: Stage, port: number, host: string): Promise<z.infer<typeof pacedResult>> {
  const args = [`${port}`, host, PATH, `${PACED_PER_SECOND}`, `${LOAD_SECONDS}`, `${CONNECTIONS}`];
  const program = await stage.program('paced', args);
  await program.ended;
  return pacedResult.parse(JSON.parse(program.lines().at(-1) ?? ''));
}
