import { readFileSync } from 'node:fs';
import { Actor } from '../support/crash/actor.js';
import type { PlantName } from '../support/crash/plants.js';
import { run } from '../support/crash/run.js';
import { API_SCENARIOS, create, deploy, SCENARIOS } from '../support/crash/scenarios.js';
import { openStage, type Stage } from '../support/crash/stage.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

// What the crash runs say is worth as much as what their checker finds: here processes have defects, put there on purpose.

const SHORT = { operationSeconds: 4, settleMs: 2_000 };

describe('a defect is found', () => {
  let program: string;
  let stage: Stage | undefined;

  beforeAll(async () => {
    program = await bundleVictim(newDirectory('victim'));
  });

  afterEach(async () => {
    await stage?.close();
    stage = undefined;
  });

  const faultsWith = async (plant: PlantName, name: string, target: string | null): Promise<string> => {
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    stage = await openStage(program, { plant });
    const { faults, reached } = await run(stage, scenario, [target], SHORT);
    expect(reached).toBe(true);
    return faults.join('\n');
  };

  test('it takes over without giving containers new names', async () => {
    const faults = await faultsWith('no rename at a take-over', 'first deploy', 'engine:start#1 after');
    expect(faults).toMatch(/operation \w+ is RUNNING in Redis/);
    // Whether the look falls into one of its attempts or between two is chance.
    expect(faults).toMatch(/keys stay leased: lease\/container|keys stay unclean: container/);
  });

  test('it takes a container for stopped that is not', async () => {
    const faults = await faultsWith('no stop', 'second deploy, start-first', null);
    expect(faults).toMatch(/running are ls-\S+ of \w+,ls-\S+ of \w+, expected \w+/);
    expect(faults).toMatch(/instance \w+ is still DRAINING/);
  });

  test('it frees devices that are in use', async () => {
    const faults = await faultsWith('devices of the new instance freed', 'second deploy, start-first', null);
    expect(faults).toMatch(/GPUs: leased none; in use host-1\/GPU-\S+ by \w+/);
    expect(faults).toMatch(/ports: leased none; in use host-1\/\d+ by \w+/);
    expect(faults).toMatch(/leases: leased none; in use \w+/);
  });

  test('an API process takes a request that is repeated for another one', async () => {
    const [scenario] = API_SCENARIOS;
    if (scenario === undefined) throw new Error('there is no such scenario');
    stage = await openStage(program, { victim: 'api', plant: 'idempotency keys forgotten' });
    const { faults } = await run(stage, scenario, ['script:submit#1 after'], SHORT);
    expect(faults.join('\n')).toMatch(/operations that nobody submitted: \w+/);
  });

  test('one that dies during a call leaves it to an engine that hangs', async () => {
    const [scenario] = SCENARIOS.filter(({ name }) => name === 'first deploy');
    if (scenario === undefined) throw new Error('there is no such scenario');
    const opened = await openStage(program);
    stage = opened;
    const running = run(opened, scenario, ['engine:start#1 during']);
    await until('the engine hangs', () =>
      opened.enginePids.every((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ')),
    );
    expect(await running).toMatchObject({ reached: true, faults: [] });
  });

  test('it frees devices before their user has stopped, and another container gets them', async () => {
    const opened = await openStage(program, { plant: 'devices freed before the stop' });
    stage = opened;
    const holder = new Actor(opened);
    const waiter = new Actor(opened);
    await holder.play([create, deploy('one', { gpus: 2, behaviour: 'STUBBORN' })]);
    await waiter.play([create]);
    const waiting = waiter.play([deploy('two', { gpus: 2 })]);
    await holder.play([deploy('three')]);
    const overlap = await until('the overlap is seen', () => opened.watch.overlaps[0]);
    expect(overlap).toMatch(/^containers \w+ and \w+ ran with GPU-\S+ at the same time$/);
    await waiting;
  });
});
