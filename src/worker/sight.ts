import type { HostedInstance } from '../reconciler/view.js';
import type { Observation } from './observe.js';

/** For so long a look at the engines may be gone on from. */
const LASTING_MS = 1_000;

/** What Docker shows of one container while its key is held. */
export interface Sight {
  /** Of the container on these hosts. */
  of(hosts: ReadonlySet<string>): Promise<Observation>;
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
      if (last !== null && lasts(last, hosts)) return last;
      const at = now();
      last = { ...(await observe(hosts)), hosts, at };
      return last;
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
