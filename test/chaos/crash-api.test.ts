import { campaign, Stages } from '../support/crash/campaign.js';
import { Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { API_SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

describe('an API process that is killed', () => {
  let stages: Stages;
  const api = new Judge('API');

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), 1, { victim: 'api' });
  });

  afterAll(async () => {
    await stages?.close();
    api.sum();
  });

  test.each(API_SCENARIOS)(
    '$name: one operation and one effect',
    async (scenario) => api.judge(scenario.name, await campaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );
});
