import { Actor } from '../support/crash/actor.js';
import { create, deploy } from '../support/crash/scenarios.js';
import { openStage, type Stage } from '../support/crash/stage.js';
import { bundleVictim } from '../support/crash/victim-process.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

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
      const { api, redis } = stage;
      const [creation, deadly, harmless] = await Promise.all(actor.operations.map((id) => api.operation(id)));
      expect([creation, harmless].map((one) => one?.error ?? null)).toEqual([null, null]);
      expect(deadly).toMatchObject({ done: true, error: { code: INTERNAL } });
      // On a machine with too much to do, a lease that lasts a second may lapse without a death.
      expect(deadly?.error?.message).toMatch(
        /^given up: the work on it failed \d+ times in a row; the last time: the process that did the work died, .*; it had come as far as [A-Z]+$/,
      );
      expect(stage.crashes()).toBeGreaterThan(1);
      expect(stage.crashes()).toBeLessThanOrEqual(ATTEMPTS);
      expect(stage.accidents).toEqual([]);
      await until('all of it is forgotten', async () => (await redis.exists('{longshore}:trouble')) === 0);
    },
    TIMEOUT_MS,
  );
});
