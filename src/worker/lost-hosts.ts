import type { Fleet } from '../fleet/fleet.js';
import type { ContainerView } from '../reconciler/view.js';
import type { HostWork } from '../store/work.js';
import type { Observation } from './observe.js';

const NONE: ReadonlySet<string> = new Set();

/** Which of the hosts that could not be observed are LOST. */
export async function lostAmong(
  unobserved: ReadonlyMap<string, string>,
  { hosts }: Pick<HostWork, 'hosts'>,
): Promise<ReadonlySet<string>> {
  if (unobserved.size === 0) return NONE;
  const lost = (await hosts()).filter(({ host }) => host.state === 'LOST' && unobserved.has(host.name));
  return new Set(lost.map(({ host }) => host.name));
}

/**
 * Takes a host that is lost, and that a person has marked as gone for good, for one on which nothing is left. One that answers was observed, and is
 * what it shows.
 */
export function withoutGone(
  { observed, unobserved, lost }: Observation & Pick<ContainerView, 'lost'>,
  { config }: Pick<Fleet, 'config'>,
): Observation & Pick<ContainerView, 'lost' | 'gone'> {
  const gone = new Set([...lost].filter((host) => config(host)?.gone === true));
  if (gone.size === 0) return { observed, unobserved, lost, gone };
  return {
    observed,
    unobserved: new Map([...unobserved].filter(([host]) => !gone.has(host))),
    lost: new Set([...lost].filter((host) => !gone.has(host))),
    gone,
  };
}
