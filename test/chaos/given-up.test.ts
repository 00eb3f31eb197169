import { Actor } from '../support/crash/actor.js';
import { create, deploy } from '../support/crash/scenarios.js';
import { openStage, type Stage } from '../support/crash/stage.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';

const INTERNAL = 13;
/** How often work is tried where nothing else is configured. */
const ATTEMPTS = 5;
/** Each death is followed by a lease that lapses and a process that starts. */
const TIMEOUT_MS = 300_000;

describe('work that kills its worker each time', () => {
  let stage: Stage | undefined;

  afterAll(async () => {
    await stage?.close();
  });

  test(
    'is given up, and what stands behind it advances',
    async () => {
      const program = await bundleVictim(newDirectory('victim'));
      stage = await openStage(program, { plant: 'death of two GPUs' });
      const actor = new Actor(stage, { patienceSeconds: 240 });
      await actor.play([create, deploy('deadly', { gpus: 2 }), deploy('harmless', { gpus: 1 })]);
      const [creation, deadly, harmless] = await Promise.all(actor.operations.map((id) => stage?.api.operation(id)));
      expect(creation).toMatchObject({ done: true, error: null });
      expect(deadly).toMatchObject({ done: true, error: { code: INTERNAL } });
      expect(deadly?.error?.message).toBe(
        `given up: the work on it failed ${ATTEMPTS} times in a row; the last time: the process that did the work died, or lost its hold on it; it had come as far as PLACE`,
      );
      expect(harmless).toMatchObject({ done: true, error: null });
      expect(stage.crashes()).toBe(ATTEMPTS);
      expect(stage.accidents).toEqual([]);
      expect(await stage.redis.exists('{longshore}:trouble')).toBe(0);
    },
    TIMEOUT_MS,
  );
});
