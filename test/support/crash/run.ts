import { setTimeout as delay } from 'node:timers/promises';
import { Actor } from './actor.js';
import { type Expected, faultsOf } from './checker.js';
import type { Scenario } from './scenarios.js';
import type { Stage } from './stage.js';
import { isQuiet, look, type World } from './world.js';

export interface RunResult {
  /** The points that the last victim passed, in order. */
  readonly points: readonly string[];
  /** Whether all processes that were to die did so where they were to. */
  readonly reached: boolean;
  readonly faults: readonly string[];
  /** The last look at what is there; null if there was none. */
  readonly world: World | null;
  /** Nothing of the run is left, so the stage can be used again. */
  readonly cleared: boolean;
}

export interface Patience {
  /** For an operation to end. */
  readonly operationSeconds: number;
  /** How long it may take until all is as it should be, after the operations have ended. */
  readonly settleMs: number;
}

/** On a machine with too much to do, a lease that lasts a second is lost now and then, and what it was for is begun anew. */
const PATIENCE: Patience = { operationSeconds: 40, settleMs: 60_000 };
/** A worker that has nothing to do asks for work this often at least, and passes points by it. */
const IDLE_MS = 1_200;

/** Plays a scenario once; the victim dies at the first of `targets`, its successor at the second ...; null only records. */
export async function run(
  stage: Stage,
  scenario: Scenario,
  targets: readonly (string | null)[],
  { operationSeconds, settleMs }: Patience = PATIENCE,
): Promise<RunResult> {
  const { keyed = false } = scenario;
  const actor = new Actor(stage, { keyed, patienceSeconds: operationSeconds });
  const settle = () => settled(stage, actor, actor.expected(scenario), settleMs);
  const before = { accidents: stage.accidents.length, crashes: stage.crashes() };
  const crashes = () => stage.crashes() - before.crashes;
  const wanted = targets.filter((target) => target !== null).length;
  const accidents = () => stage.accidents.slice(before.accidents);
  try {
    await actor.setUp(scenario);
    if (actor.container !== '') await quiet(stage, actor.container);
    await stage.arm(targets);
    await actor.act(scenario);
    // Whoever was to die has died before the look: nobody dies after it, and it stands.
    let last = crashes() === wanted;
    let { faults, world } = await settle();
    const points = await stage.points();
    while (crashes() < wanted && faults.length === 0 && (await diesYet(stage))) {
      last = crashes() === wanted;
      ({ faults, world } = await settle());
    }
    await stage.arm([]);
    if (!last && faults.length === 0) ({ faults, world } = await settle());
    const left = faults.length === 0 ? await clear(stage, actor, scenario) : [];
    const all = [...faults, ...left, ...accidents()];
    return { points, reached: crashes() === wanted, faults: all, world, cleared: all.length === 0 };
  } catch (error) {
    const world = await look(stage.sources, actor.container, actor.operations).catch(() => null);
    const faults = [String(error), ...accidents()];
    return { points: [], reached: crashes() === wanted, faults, world, cleared: false };
  }
}

async function diesYet(stage: Stage): Promise<boolean> {
  const victim = stage.victim();
  await Promise.race([victim.exited, delay(IDLE_MS)]);
  return victim.gone;
}

/** Waits until what is there is what is expected, with nothing under way; says what is wrong when the time is up. */
async function settled(
  stage: Stage,
  actor: Actor,
  expected: Expected,
  settleMs: number,
): Promise<Pick<RunResult, 'faults' | 'world'>> {
  const end = performance.now() + settleMs;
  const ids = expected.operations.map(({ id }) => id);
  for (;;) {
    const late = performance.now() > end;
    if (late || (await isQuiet(stage.redis, actor.container))) {
      const world = await look(stage.sources, actor.container, ids);
      const faults = faultsOf(world, expected, stage.watch);
      if (faults.length === 0 || late) return { faults, world };
    }
    await delay(40);
  }
}

async function quiet(stage: Stage, containerId: string): Promise<void> {
  const end = performance.now() + PATIENCE.settleMs;
  while (performance.now() < end) {
    if (await isQuiet(stage.redis, containerId)) return;
    await delay(20);
  }
  throw new Error('the set-up of the scenario did not come to rest');
}

/** Ends what the scenario has done to the stage and deletes the container, after which nothing may be left of it. */
async function clear(stage: Stage, actor: Actor, { deleted }: Scenario): Promise<readonly string[]> {
  stage.vacate();
  if (deleted) return [];
  const nothing: Scenario = {
    name: '',
    setup: [],
    actions: [{ do: 'DELETE' }],
    results: [],
    active: null,
    deleted: true,
  };
  await actor.act(nothing);
  const { faults } = await settled(stage, actor, actor.expected(nothing), PATIENCE.settleMs);
  return faults.map((fault) => `after its container was deleted: ${fault}`);
}
