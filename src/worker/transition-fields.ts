import type { Lease } from '../store/work.js';

/** Ids of what a transition is about; absent where one does not apply. */
export interface TransitionIds {
  readonly operation?: string | null | undefined;
  readonly container?: string | null | undefined;
  readonly revision?: string | null | undefined;
  readonly instance?: string | null | undefined;
  readonly host?: string | null | undefined;
}

/**
 * What every line about a transition begins with, null where one does not apply: whoever looks for a container, a host or an operation finds
 * everything that happened to it, in order of the fences. The container or the host whose lease is held is there by itself.
 */
export function transitionOf({ key, fence }: Pick<Lease, 'key' | 'fence'>, ids: TransitionIds = {}) {
  const { operation = null, revision = null, instance = null } = ids;
  const { container = nameIn(key, 'container/'), host = nameIn(key, 'host/') } = ids;
  return { operation, container, revision, instance, host, fence };
}

const nameIn = (key: string, kind: string): string | null => (key.startsWith(kind) ? key.slice(kind.length) : null);
