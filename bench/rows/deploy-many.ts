import type { Benchmark } from '../benchmark.js';
import type { BareContainer } from '../load/bare-docker.js';
import { type EngineStand, HTTP_DRAFT, HTTP_SERVER, inFlight, startEngineStand, timed } from '../load/engine-stand.js';
import { type Round, type RowSpec, ratioAtMost } from '../row.js';

const DEPLOYS: RowSpec = {
  name: 'containers deployed at 16 in flight, against as many through dockerode at 16 in flight',
  unit: 'ms each',
  target: ratioAtMost(1.15),
};

/** Of 200 in five rounds. */
const CHUNK = 40;
const WIDTH = 16;

/** The kernel starts about ten containers a second, whoever asks: here they are many, so that waiting for one can be working on another. */
export const deployMany: Benchmark = {
  name: 'deploy-many',
  rows: [DEPLOYS],
  run: async (stage, report) => {
    const stand = await startEngineStand(stage);
    const rounds: Round[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const value = await deployChunk(stand, `many-${round}`);
      rounds.push({ value, yardstick: await runChunk(stand) });
    }
    const note = `${CHUNK} of each in a round, in turn, so that the machine is the same for both; all are removed before the next`;
    report(DEPLOYS, rounds, note);
  },
};

async function deployChunk({ client }: EngineStand, name: string): Promise<number> {
  const ids: string[] = [];
  for (let number = 0; number < CHUNK; number += 1) ids.push((await client.createContainer(`${name}-${number}`)).id);
  const ms = await timed(() =>
    inFlight(WIDTH, CHUNK, async (number) =>
      client.succeeded(await client.deploy(ids[number] ?? '', HTTP_SERVER, HTTP_DRAFT)),
    ),
  );
  await inFlight(WIDTH, CHUNK, async (number) => client.succeeded(await client.delete(ids[number] ?? '')));
  return ms / CHUNK;
}

async function runChunk({ docker }: EngineStand): Promise<number> {
  const containers: BareContainer[] = [];
  const ms = await timed(() => inFlight(WIDTH, CHUNK, async () => containers.push(await docker.run())));
  await inFlight(WIDTH, CHUNK, async (number) => containers[number]?.remove());
  return ms / CHUNK;
}
