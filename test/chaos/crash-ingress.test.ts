import { campaign, doubleCampaign, Stages } from '../support/crash/campaign.js';
import { Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { INGRESS_SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** The ingress that takes over dies as well, while it reads its first routes. */
const TWICE = INGRESS_SCENARIOS.filter(({ name }) => name === 'second deploy');

describe('an ingress process that is killed', () => {
  let stages: Stages;
  const ingress = new Judge('ingress');

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), 1, { victim: 'ingress' });
  });

  afterAll(async () => {
    await stages?.close();
    ingress.sum();
  });

  test.each(INGRESS_SCENARIOS)(
    '$name: the deploy ends, and the next ingress serves it',
    async (scenario) => ingress.judge(scenario.name, await campaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );

  test.each(TWICE)(
    '$name, and its successor is killed too',
    async (scenario) => ingress.judge(`${scenario.name}, twice`, await doubleCampaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );
});
