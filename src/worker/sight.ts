import type { Step } from '../reconciler/step.js';
import type { HostedInstance } from '../reconciler/view.js';
import type { Observation } from './observe.js';

/** For so long a look at the engines may be gone on from. */
export const LASTING_MS = 1_000;

/** After these Docker shows something else, unless the step knows what. */
export const CHANGES_DOCKER: ReadonlySet<Step['kind']> = new Set([
  'RENAME_CONTAINER',
  'REMOVE_CONTAINER',
  'CREATE_CONTAINER',
  'START_CONTAINER',
  'STOP_CONTAINER',
] satisfies Step['kind'][]);

/** These take away what a container may be using, or the container: they are planned on a look at this very moment, or planned anew. */
export const DEMANDS_LOOK: ReadonlySet<Step['kind']> = new Set([
  'FREE_DEVICES',
  'HAND_OVER_DEVICES',
  'TAKE_DEVICES_BACK',
  'MOVE_PORT',
  'REMOVE_CONTAINER',
] satisfies Step['kind'][]);

/** What Docker shows of one container while its key is held. */
export interface Sight {
  /** Of the container on these hosts. `carried`: from a look before the last step. */
  of(hosts: ReadonlySet<string>): Promise<Observation & { readonly carried: boolean }>;
  /** An engine has just said that this container of an instance is so. */
  saw(instance: HostedInstance): void;
  /** Docker may show something else from now on. */
  forget(): void;
}

interface Look extends Observation {
  readonly hosts: ReadonlySet<string>;
  readonly at: number;
}

/**
 * Steps that leave Docker alone change nothing of what it shows, and the engine's answer to one that does not is as good as another look. So a
 * rollout looks once and goes on from there, for a second at most: containers also end by themselves, and people have hands. Whatever it
 * misses meanwhile is an event that makes the key due again. What could not be observed is asked for each time.
 */
export function createSight(
  observe: (hosts: ReadonlySet<string>) => Promise<Observation>,
  now: () => number = () => performance.now(),
): Sight {
  let last: Look | null = null;

  const lasts = (look: Look, hosts: ReadonlySet<string>): boolean =>
    look.unobserved.size === 0 && now() - look.at < LASTING_MS && [...hosts].every((host) => look.hosts.has(host));

  return {
    async of(hosts) {
      if (last !== null && lasts(last, hosts)) return { ...last, carried: true };
      const at = now();
      last = { ...(await observe(hosts)), hosts, at };
      return { ...last, carried: false };
    },
    saw(instance) {
      if (last === null) return;
      const others = last.observed.filter(({ host, name }) => host !== instance.host || name !== instance.name);
      last = { ...last, observed: [...others, instance] };
    },
    forget() {
      last = null;
    },
  };
}
