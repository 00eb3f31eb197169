import { Revision } from '../../gen/ts/longshore/containers/v1/revision.js';
import { responseOf } from '../../test/support/service-client.js';
import type { Benchmark } from '../benchmark.js';
import { type EngineStand, HTTP_SERVER, startEngineStand, timed } from '../load/engine-stand.js';
import { type Swarm, startSwarm } from '../load/swarm.js';
import { type Round, type RowSpec, ratioAtMost } from '../row.js';

const rowOf = (what: string): RowSpec => ({
  name: `${what} of one process, against a service of Docker Swarm`,
  unit: 'ms',
  target: ratioAtMost(1),
});
const CREATE = rowOf('create');
const UPDATE = rowOf('update');
const ROLLBACK = rowOf('rollback');

const COMMAND = ['sleep', '100000'];
const PROCESS = { type: { $case: 'process' as const, value: {} } };
const SECOND = { seconds: 1n, nanos: 0 };

interface Times {
  readonly create: number;
  readonly update: number;
  readonly rollback: number;
}

/** One replica, the new one first, which is watched for a second: on the same engine, in turn. */
export const swarm: Benchmark = {
  name: 'swarm',
  rows: [CREATE, UPDATE, ROLLBACK],
  run: async (stage, report) => {
    const stand = await startEngineStand(stage);
    const task = { imageId: (await stand.engine.docker('image', 'inspect', '-f', '{{.Id}}', HTTP_SERVER)).trim() };
    const theirs = await startSwarm(stand.engine, { ...task, command: COMMAND });
    stage.after(theirs.leave);
    const rounds: { ours: Times; theirs: Times }[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      rounds.push({ ours: await longshore(stand, `process-${round}`), theirs: await dockerSwarm(theirs, `s${round}`) });
    }
    const of = (what: keyof Times): readonly Round[] =>
      rounds.map((round) => ({ value: round.ours[what], yardstick: round.theirs[what] }));
    report(CREATE, of('create'), 'both until it has run for a second, as Docker’s own client waits for a new service');
    report(UPDATE, of('update'), 'until done, and until Swarm says completed; both watch the new one for a second');
    report(ROLLBACK, of('rollback'), 'until done, and until Swarm says rollback_completed');
  },
};

async function longshore({ client }: EngineStand, name: string): Promise<Times> {
  const deploy = async (id: string, revision: string) => {
    const imageSpec = { command: { command: COMMAND }, environment: { REVISION: revision } };
    const draft = { imageSpec, runtime: PROCESS, minimumRunTime: SECOND };
    return responseOf(await client.succeeded(await client.deploy(id, HTTP_SERVER, draft)), Revision).id;
  };
  let id = '';
  let first = '';
  const create = await timed(async () => {
    ({ id } = await client.createContainer(name));
    first = await deploy(id, 'one');
  });
  const update = await timed(() => deploy(id, 'two'));
  const rollback = await timed(async () => client.succeeded(await client.rollback(id, first)));
  await client.succeeded(await client.delete(id));
  return { create, update, rollback };
}

async function dockerSwarm(swarmOfOne: Swarm, name: string): Promise<Times> {
  const startedAt = performance.now();
  const service = await swarmOfOne.createService(name);
  const create = performance.now() - startedAt;
  const update = await timed(() => service.update(['REVISION=two']));
  const rollback = await timed(() => service.rollback());
  await service.remove();
  return { create, update, rollback };
}
