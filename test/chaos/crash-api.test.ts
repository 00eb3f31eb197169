import { campaign, Stages } from '../support/crash/campaign.js';
import { inTurn } from '../support/crash/in-turn.js';
import { Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { API_SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** Most of a run is waiting for operations. */
const LANES = 2;

describe('an API process that is killed', () => {
  let stages: Stages;
  const api = new Judge('API');
  const { result } = inTurn(
    API_SCENARIOS.map((one) => [one.name, () => campaign(stages, one, POINTS)] as const),
    LANES,
  );

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), LANES, { victim: 'api' });
  });

  afterAll(async () => {
    await stages?.close();
    api.sum();
  });

  test.each(API_SCENARIOS)(
    '$name: one operation and one effect',
    async ({ name }) => api.judge(name, await result(name)),
    TIMEOUT_MS,
  );
});
