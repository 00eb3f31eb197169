import { z } from 'zod';
import type { EngineDriver } from '../../../src/engine/driver.js';
import type { Seams } from '../../../src/main.js';
import type { ScriptArguments, ScriptRunner } from '../../../src/store/script-runner.js';

/** Defects put into the process that dies on purpose, to see that the checker finds what they do. */
export const PLANTS = {
  /** Takes over without a new name, so that calls of the dead worker would still find their container. */
  'no rename at a take-over': { wrapDriver: replacing({ rename: () => Promise.resolve() }) },
  /** Says that it stopped a container and did not. */
  'no stop': { wrapDriver: replacing({ stop: () => Promise.resolve() }) },
  /** Ends the leases of the former instance at the switch, while it still runs, and starts others without a look at who runs with their GPUs. */
  'devices freed before the stop': { wrapScripts: freeingAtTheSwitch('DRAINING'), wrapDriver: startingBlindly },
  /** Ends the leases of the instance that is to keep them. */
  'devices of the new instance freed': { wrapScripts: freeingAtTheSwitch('SERVING') },
  /** Takes a request that is repeated for another one. */
  'idempotency keys forgotten': { wrapScripts: forgettingKeys },
  /** Ends the process in the middle of each create with two GPUs. */
  'death of two GPUs': { wrapDriver: dyingOfTwoGpus },
} as const satisfies Record<string, Seams>;

export type PlantName = keyof typeof PLANTS;

function replacing(part: Partial<EngineDriver>): (driver: EngineDriver) => EngineDriver {
  return (driver) => ({ ...driver, ...part });
}

function startingBlindly(driver: EngineDriver): EngineDriver {
  const list: EngineDriver['list'] = async (filter, signal) => (filter.active ? [] : driver.list(filter, signal));
  return replacing({ list })(driver);
}

function dyingOfTwoGpus(driver: EngineDriver): EngineDriver {
  const die = (): Promise<void> => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
  const create: EngineDriver['create'] = (instance, signal) =>
    instance.gpuUuids.length === 2 ? die() : driver.create(instance, signal);
  return replacing({ create })(driver);
}

function forgettingKeys(runner: ScriptRunner): ScriptRunner {
  const without = ({ idempotency: _, ...request }: ScriptArguments): ScriptArguments => request;
  return { run: (name, args) => runner.run(name, without(args)) };
}

const instances = z.object({ instances: z.array(z.object({ id: z.string(), role: z.string() })) });

/** Half a step before the worker's own, which the script then takes for the next one. */
function freeingAtTheSwitch(unlucky: string): (runner: ScriptRunner) => ScriptRunner {
  return (runner) => ({
    run: async (name, args) => {
      if (name !== 'switch-revision') return runner.run(name, args);
      const step = Number(args['step']) - 0.5;
      for (const { id, role } of instances.parse(JSON.parse(String(args['state']))).instances) {
        if (role === unlucky) await runner.run('free-devices', { ...args, step, instanceId: id });
      }
      return runner.run(name, args);
    },
  });
}
