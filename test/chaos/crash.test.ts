import { campaign, doubleCampaign, Stages } from '../support/crash/campaign.js';
import { inTurn } from '../support/crash/in-turn.js';
import { FULL, Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** In these the worker that takes over dies as well; the sample has one of them. */
const MORTAL_SUCCESSORS = ['second deploy, stop-first', ...(FULL ? ['first deploy', 'delete'] : [])];
const TWICE = SCENARIOS.filter(({ name }) => MORTAL_SUCCESSORS.includes(name));

/** Most of a run is waiting, for a lease to lapse or an instance to answer. */
const LANES = 3;

describe('a worker that is killed', () => {
  let stages: Stages;
  const worker = new Judge('worker');
  const twice = (name: string) => `${name}, twice`;
  const { result } = inTurn(
    [
      ...SCENARIOS.map((one) => [one.name, () => campaign(stages, one, POINTS)] as const),
      ...TWICE.map((one) => [twice(one.name), () => doubleCampaign(stages, one, POINTS)] as const),
    ],
    LANES,
  );

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), LANES);
  });

  afterAll(async () => {
    await stages?.close();
    worker.sum();
  });

  test.each(SCENARIOS)(
    '$name: nothing is lost, doubled or leaked',
    async ({ name }) => worker.judge(name, await result(name)),
    TIMEOUT_MS,
  );

  test.each(TWICE)(
    '$name, and its successor is killed too',
    async ({ name }) => worker.judge(twice(name), await result(twice(name))),
    TIMEOUT_MS,
  );
});
