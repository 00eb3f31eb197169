import { Instance_State } from '../../gen/ts/longshore/containers/v1/container.js';
import { until } from '../../test/support/until.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import type { BareContainer } from '../load/bare-docker.js';
import { deployed, type EngineStand, HTTP_DRAFT, HTTP_SERVER, startEngineStand, timed } from '../load/engine-stand.js';
import { type Round, type RowSpec, ratioAtMost, valueAtMost } from '../row.js';
import type { Stage } from '../stage.js';

const STOPPED: RowSpec = {
  name: 'rollback to a stopped instance, against start + first answer through dockerode',
  unit: 'ms',
  target: ratioAtMost(1.2),
};
const RUNNING: RowSpec = {
  name: 'rollback while the former instance still runs',
  unit: 'ms',
  target: valueAtMost(50),
};

const PAIRS = 6;

/** Between two revisions, there and back: with instances that were stopped after the switch, and with such that were kept. */
export const rollback: Benchmark = {
  name: 'rollback',
  rows: [STOPPED, RUNNING],
  run: async (stage, report) => {
    report(STOPPED, await toStopped(stage), `${PAIRS} of each in a round, in turn; a round's figure is their median`);
    report(RUNNING, await toRunning(stage), `LONGSHORE_KEEP_DRAINING=1h; the median of ${PAIRS} in a round`);
  },
};

async function toStopped(stage: Stage): Promise<readonly Round[]> {
  const stand = await startEngineStand(stage);
  const container = await withTwoRevisions(stand);
  await until('the former instance is stopped', () => othersAreStopped(stand, container.id));
  const bare = await stand.docker.run();
  const rounds: Round[] = [];
  for (let round = 0; round < stage.rounds; round += 1) {
    const values: number[] = [];
    const yardsticks: number[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      values.push(await container.back());
      // Neither is measured while an instance is being stopped.
      await until('the former instance is stopped', () => othersAreStopped(stand, container.id));
      yardsticks.push(await startAgain(bare));
    }
    rounds.push({ value: median(values), yardstick: median(yardsticks) });
  }
  return rounds;
}

async function toRunning(stage: Stage): Promise<readonly Round[]> {
  const container = await withTwoRevisions(await startEngineStand(stage, { LONGSHORE_KEEP_DRAINING: '1h' }));
  const rounds: Round[] = [];
  for (let round = 0; round < stage.rounds; round += 1) {
    const values: number[] = [];
    for (let count = 0; count < PAIRS; count += 1) values.push(await container.back());
    rounds.push({ value: median(values) });
  }
  return rounds;
}

interface TwoRevisions {
  readonly id: string;
  /** Rolls back to the one that is not active; returns the milliseconds until it was done. */
  back(): Promise<number>;
}

async function withTwoRevisions({ client }: EngineStand): Promise<TwoRevisions> {
  const { id, revisionId: first } = await deployed(client, 'web');
  await client.succeeded(await client.deploy(id, HTTP_SERVER, HTTP_DRAFT));
  const { activeRevisionId: second } = await client.container(id);
  const turns = [first, second];
  return {
    id,
    back: () => {
      const target = turns.shift() ?? '';
      turns.push(target);
      return timed(async () => client.succeeded(await client.rollback(id, target)));
    },
  };
}

async function othersAreStopped({ client }: EngineStand, id: string): Promise<boolean> {
  const { instances, activeRevisionId } = await client.container(id);
  const others = instances.filter(({ revisionId }) => revisionId !== activeRevisionId);
  return others.length === 1 && others.every(({ state }) => state === Instance_State.STATE_STOPPED);
}

async function startAgain(bare: BareContainer): Promise<number> {
  await bare.stop();
  return timed(() => bare.start());
}
