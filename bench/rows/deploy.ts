import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { type EngineStand, HTTP_DRAFT, HTTP_SERVER, startEngineStand, timed } from '../load/engine-stand.js';
import { type Round, type RowSpec, ratioAtMost } from '../row.js';

const DEPLOY: RowSpec = {
  name: 'DeployRevision until done, against create + start + first answer through dockerode',
  unit: 'ms',
  target: ratioAtMost(1.15),
};

const PAIRS = 5;

/** One container at a time, each new, with an image that the engine has: what a deploy costs beyond what Docker itself takes. */
export const deploy: Benchmark = {
  name: 'deploy',
  rows: [DEPLOY],
  run: async (stage, report) => {
    const stand = await startEngineStand(stage);
    const rounds: Round[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const values: number[] = [];
      const yardsticks: number[] = [];
      for (let pair = 0; pair < PAIRS; pair += 1) {
        values.push(await deployOnce(stand, `${round}-${pair}`));
        yardsticks.push(await runOnce(stand));
      }
      rounds.push({ value: median(values), yardstick: median(yardsticks) });
    }
    report(DEPLOY, rounds, `${PAIRS} of each in a round, in turn; a round's figure is their median`);
  },
};

async function deployOnce({ client }: EngineStand, name: string): Promise<number> {
  const { id } = await client.createContainer(`deploy-${name}`);
  const ms = await timed(async () => client.succeeded(await client.deploy(id, HTTP_SERVER, HTTP_DRAFT)));
  await client.succeeded(await client.delete(id));
  return ms;
}

async function runOnce({ docker }: EngineStand): Promise<number> {
  const startedAt = performance.now();
  const container = await docker.run();
  const ms = performance.now() - startedAt;
  await container.remove();
  return ms;
}
