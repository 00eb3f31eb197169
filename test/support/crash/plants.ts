import type { EngineDriver } from '../../../src/engine/driver.js';
import type { Seams } from '../../../src/main.js';
import type { ScriptRunner } from '../../../src/store/script-runner.js';

/** Defects put into a worker on purpose, to see that the checker finds what they do. */
export const PLANTS = {
  /** Takes over without a new name, so that calls of the dead worker still find their container. */
  'no rename at a take-over': { wrapDriver: replacing({ rename: () => Promise.resolve() }) },
  /** Says that it stopped a container and did not. */
  'no stop': { wrapDriver: replacing({ stop: () => Promise.resolve() }) },
  /** Says that it removed a container and did not. */
  'no remove': { wrapDriver: replacing({ remove: () => Promise.resolve() }) },
  /** Ends the leases of whoever serves as soon as a rollout begins, before anything was stopped. */
  'devices freed before the stop': { wrapScripts: freeingEarly },
  /** Writes nothing of what a switch decides, and says that it did. */
  'no switch': {
    wrapScripts: (runner) => ({ run: (name, args) => runner.run(name === 'switch-revision' ? 'save' : name, args) }),
  },
} as const satisfies Record<string, Seams>;

export type PlantName = keyof typeof PLANTS;

function replacing(part: Partial<EngineDriver>): (driver: EngineDriver) => EngineDriver {
  return (driver) => {
    const replaced = new Map<string | symbol, unknown>(Object.entries(part));
    return new Proxy(driver, {
      get: (target, name, receiver) => {
        const member: unknown = replaced.get(name) ?? Reflect.get(target, name, receiver);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
}

/** Half a step before the worker's own, which the script then takes for a later one. */
function freeingEarly(runner: ScriptRunner): ScriptRunner {
  return {
    run: async (name, args) => {
      if (name === 'publish-route' || name === 'switch-revision') {
        const { instances } = JSON.parse(String(args['state']));
        const step = Number(args['step']) - 0.5;
        for (const { id, leased } of instances) {
          if (leased) await runner.run('free-devices', { ...args, step, instanceId: id });
        }
      }
      return runner.run(name, args);
    },
  };
}
