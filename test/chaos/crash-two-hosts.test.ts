import { campaign, Stages } from '../support/crash/campaign.js';
import { FULL, Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { TWO_HOSTS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** Of the sample each stage would try too little to be worth its start. */
const LANES = FULL ? 2 : 1;

describe('a worker of two hosts that is killed', () => {
  let stages: Stages;
  const worker = new Judge('worker of two hosts');

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), LANES, { hosts: 2, registry: true });
  });

  afterAll(async () => {
    await stages?.close();
    worker.sum();
  });

  test.each(TWO_HOSTS)(
    '$name: nothing is lost, doubled or leaked',
    async (scenario) => worker.judge(scenario.name, await campaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );
});
