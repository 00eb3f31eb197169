import { readFileSync } from 'node:fs';
import { Actor } from '../support/crash/actor.js';
import { inTurn } from '../support/crash/in-turn.js';
import type { PlantName } from '../support/crash/plants.js';
import { type Patience, run } from '../support/crash/run.js';
import { API_SCENARIOS, create, deploy, SCENARIOS, type Scenario } from '../support/crash/scenarios.js';
import { openStage, type Stage, type StageOptions } from '../support/crash/stage.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

// What the crash runs say is worth as much as what their checker finds: here processes have defects, put there on purpose.

/** The fault that is to be found is there at once when the operations have ended. */
const FOUND_AT_ONCE = { operationSeconds: 40, settleMs: 2_000 };
const NEVER_ENDS = { operationSeconds: 4, settleMs: 2_000 };

interface Outcome {
  readonly reached: boolean;
  readonly faults: readonly string[];
}

const nameOf = {
  rename: 'it takes over without giving containers new names',
  stop: 'it takes a container for stopped that is not',
  freed: 'it frees devices that are in use',
  repeated: 'an API process takes a request that is repeated for another one',
  hangs: 'one that dies during a call leaves it to an engine that hangs',
  overlap: 'it frees devices before their user has stopped, and another container gets them',
} as const;

describe('a defect is found', () => {
  let program: string;

  const onStage = async (
    options: Partial<StageOptions>,
    play: (stage: Stage) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const stage = await openStage(program, options);
    try {
      return await play(stage);
    } finally {
      await stage.close();
    }
  };

  const planted =
    (plant: PlantName, name: string, target: string | null, patience: Patience = FOUND_AT_ONCE) =>
    () =>
      onStage({ plant }, (stage) => run(stage, named(SCENARIOS, name), [target], patience));

  const repeated = () =>
    onStage({ victim: 'api', plant: 'idempotency keys forgotten' }, (stage) =>
      run(stage, named(API_SCENARIOS, 'every change, repeated with its key'), ['script:submit#1 after'], FOUND_AT_ONCE),
    );

  const hangs = () =>
    onStage({}, async (stage) => {
      const running = run(stage, named(SCENARIOS, 'first deploy'), ['engine:start#1 during']);
      await until('the engine hangs', () =>
        stage.enginePids.every((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ')),
      );
      return running;
    });

  const overlap = () =>
    onStage({ plant: 'devices freed before the stop' }, async (stage) => {
      const holder = new Actor(stage);
      const waiter = new Actor(stage);
      await holder.play([create, deploy('one', { gpus: 2, behaviour: 'STUBBORN' })]);
      await waiter.play([create]);
      const waiting = waiter.play([deploy('two', { gpus: 2 })]);
      await holder.play([deploy('three')]);
      const seen = await until('the overlap is seen', () => stage.watch.overlaps[0]);
      await waiting;
      return { reached: true, faults: [seen] };
    });

  const { result, idle } = inTurn<Outcome>(
    [
      [nameOf.rename, planted('no rename at a take-over', 'first deploy', 'engine:start#1 after', NEVER_ENDS)],
      [nameOf.stop, planted('no stop', 'second deploy, start-first', null)],
      [nameOf.freed, planted('devices of the new instance freed', 'second deploy, start-first', null)],
      [nameOf.repeated, repeated],
      [nameOf.hangs, hangs],
      [nameOf.overlap, overlap],
    ],
    1,
  );

  beforeAll(async () => {
    program = await bundleVictim(newDirectory('victim'));
  });

  afterAll(idle);

  const faultsOf = async (name: string): Promise<string> => {
    const { reached, faults } = await result(name);
    expect(reached).toBe(true);
    return faults.join('\n');
  };

  test(nameOf.rename, async () => {
    const faults = await faultsOf(nameOf.rename);
    expect(faults).toMatch(/operation \w+ is RUNNING in Redis/);
    // Whether the look falls into one of its attempts or between two is chance.
    expect(faults).toMatch(/keys stay leased: lease\/container|keys stay unclean: container/);
  });

  test(nameOf.stop, async () => {
    const faults = await faultsOf(nameOf.stop);
    expect(faults).toMatch(/running are ls-\S+ of \w+,ls-\S+ of \w+, expected \w+/);
    expect(faults).toMatch(/instance \w+ is still DRAINING/);
  });

  test(nameOf.freed, async () => {
    const faults = await faultsOf(nameOf.freed);
    expect(faults).toMatch(/GPUs: leased none; in use host-1\/GPU-\S+ by \w+/);
    expect(faults).toMatch(/ports: leased none; in use host-1\/\d+ by \w+/);
    expect(faults).toMatch(/leases: leased none; in use \w+/);
  });

  test(nameOf.repeated, async () => {
    const { faults } = await result(nameOf.repeated);
    expect(faults.join('\n')).toMatch(/operations that nobody submitted: \w+/);
  });

  test(nameOf.hangs, async () => {
    expect(await result(nameOf.hangs)).toMatchObject({ reached: true, faults: [] });
  });

  test(nameOf.overlap, async () => {
    expect(await faultsOf(nameOf.overlap)).toMatch(/^containers \w+ and \w+ ran with GPU-\S+ at the same time$/);
  });
});

function named(scenarios: readonly Scenario[], name: string): Scenario {
  const found = scenarios.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  return found;
}
