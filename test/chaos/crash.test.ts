import { type Campaign, campaign, doubleCampaign, Stages } from '../support/crash/campaign.js';
import { SCENARIOS } from '../support/crash/scenarios.js';
import { bundleWorker } from '../support/crash/worker-process.js';
import { newDirectory } from '../support/run-directory.js';

const FULL = (process.env.LONGSHORE_TEST_FULL ?? '') !== '';
const POINTS = FULL ? Number.POSITIVE_INFINITY : 4;
const TIMEOUT_MS = FULL ? 7_200_000 : 300_000;

/** In these the worker that takes over dies as well. */
const TWICE = SCENARIOS.filter(({ name }) => ['first deploy', 'second deploy, stop-first', 'delete'].includes(name));

describe('a worker that is killed', () => {
  let stages: Stages;
  const totals = { recorded: 0, tried: 0, notReached: 0 };

  beforeAll(async () => {
    stages = await Stages.open(await bundleWorker(newDirectory('worker')), 2);
  });

  afterAll(async () => {
    await stages?.close();
    const { recorded, tried, notReached } = totals;
    say(`crash points: ${tried} of ${recorded} tried, ${notReached} of them not come to`);
  });

  const judge = (name: string, { recorded, tried, notReached, failures }: Campaign) => {
    totals.recorded += recorded;
    totals.tried += tried;
    totals.notReached += notReached.length;
    const missed = notReached.length === 0 ? '' : `, not come to: ${notReached.join('; ')}`;
    say(`${name}: ${tried} of ${recorded} crash points tried${missed}`);
    expect(failures.join('\n')).toBe('');
    // The order of calls differs between runs; where many points are missed, too little was tried.
    expect(tried).toBeGreaterThan(0);
    expect(notReached.length).toBeLessThan(tried / 2);
  };

  test.each(SCENARIOS)(
    '$name: nothing is lost, doubled or leaked',
    async (scenario) => judge(scenario.name, await campaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );

  test.each(TWICE)(
    '$name, and its successor is killed too',
    async (scenario) => judge(`${scenario.name}, twice`, await doubleCampaign(stages, scenario, POINTS)),
    TIMEOUT_MS,
  );
});

function say(line: string): void {
  process.stderr.write(`[longshore] ${line}\n`);
}
