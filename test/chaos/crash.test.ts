import { campaign, doubleCampaign, Stages } from '../support/crash/campaign.js';
import { FULL, Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** In these the worker that takes over dies as well; the sample has one of them. */
const MORTAL_SUCCESSORS = ['second deploy, stop-first', ...(FULL ? ['first deploy', 'delete'] : [])];
const TWICE = SCENARIOS.filter(({ name }) => MORTAL_SUCCESSORS.includes(name));

describe('a worker that is killed', () => {
  let stages: Stages;
  const worker = new Judge('worker');

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), 2);
  });

  afterAll(async () => {
    await stages?.close();
    worker.sum();
  });

  test.each(SCENARIOS)(
    '$name: nothing is lost, doubled or leaked',
    async (scenario) => worker.judge(scenario.name, await campaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );

  test.each(TWICE)(
    '$name, and its successor is killed too',
    async (scenario) => worker.judge(`${scenario.name}, twice`, await doubleCampaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );
});
