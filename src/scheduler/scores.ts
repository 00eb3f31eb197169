import type { HostSnapshot } from './placement.js';

/** Negative where `one` is the better host. The first score that tells two hosts apart decides. */
type Score = (one: HostSnapshot, other: HostSnapshot) => number;

const fewestInstances: Score = (one, other) => one.instances - other.instances;
/** Code unit order, so that all processes agree whatever their locale. */
const byName: Score = (one, other) => (one.host.name < other.host.name ? -1 : one.host.name > other.host.name ? 1 : 0);

const SCORES: readonly Score[] = [fewestInstances, byName];

export function better(one: HostSnapshot, other: HostSnapshot): number {
  for (const score of SCORES) {
    const difference = score(one, other);
    if (difference !== 0) return difference;
  }
  return 0;
}
