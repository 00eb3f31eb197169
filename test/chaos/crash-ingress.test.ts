import { campaign, doubleCampaign, Stages } from '../support/crash/campaign.js';
import { inTurn } from '../support/crash/in-turn.js';
import { Judge, POINTS, TIMEOUT_MS } from '../support/crash/judge.js';
import { INGRESS_SCENARIOS } from '../support/crash/scenarios.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

/** The ingress that takes over dies as well, while it reads its first routes. */
const TWICE = INGRESS_SCENARIOS.filter(({ name }) => name === 'second deploy');

/** Most of a run is waiting for a heartbeat to lapse. */
const LANES = 2;

describe('an ingress process that is killed', () => {
  let stages: Stages;
  const ingress = new Judge('ingress');
  const twice = (name: string) => `${name}, twice`;
  const { result } = inTurn(
    [
      ...INGRESS_SCENARIOS.map((one) => [one.name, () => campaign(stages, one, POINTS)] as const),
      ...TWICE.map((one) => [twice(one.name), () => doubleCampaign(stages, one, POINTS)] as const),
    ],
    LANES,
  );

  beforeAll(async () => {
    stages = await Stages.open(await bundleVictim(newDirectory('victim')), LANES, { victim: 'ingress' });
  });

  afterAll(async () => {
    await stages?.close();
    ingress.sum();
  });

  test.each(INGRESS_SCENARIOS)(
    '$name: the deploy ends, and the next ingress serves it',
    async ({ name }) => ingress.judge(name, await result(name)),
    TIMEOUT_MS,
  );

  test.each(TWICE)(
    '$name, and its successor is killed too',
    async ({ name }) => ingress.judge(twice(name), await result(twice(name))),
    TIMEOUT_MS,
  );
});
