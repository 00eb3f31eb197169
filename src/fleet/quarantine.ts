import type { Orphan } from '../domain/host.js';
import type { ObservedInstance } from '../domain/observed-instance.js';

/** What there is to judge orphans by. */
export interface QuarantineLook {
  /** Redis time. */
  readonly now: number;
  /** Of the Redis that knows nothing of them. */
  readonly replicationId: string;
  /** The latest that it has given out, as far as whoever looks knows. */
  readonly fence: number;
  /** Fences above the first and up to the second: what was done under those it may have lost. */
  readonly gaps: readonly (readonly [number, number])[];
  readonly quarantineMs: number;
  /** Why those of a container, by its id, could not be given their records back: they stay. */
  readonly reasons: ReadonlyMap<string, string>;
}

export interface Quarantine {
  /** All there are now, as they are to be remembered. */
  readonly orphans: readonly Orphan[];
  /** Those of them that nobody has seen before. */
  readonly fresh: readonly Orphan[];
  /** Those of them whose time is over. */
  readonly due: readonly Orphan[];
}

/** A longer pause between two looks counts as so long: a step of the clock must not end a quarantine. */
const LONGEST_STEP_MS = 15 * 60_000;

/**
 * Orphans run on for a while, in case somebody misses them, and are removed only where it is sure that Redis once knew them and has let them go. What may be
 * an orphan only because Redis has lost writes is left to a person.
 */
export function quarantine(
  found: readonly ObservedInstance[],
  before: readonly Orphan[],
  lookedAt: number,
  look: QuarantineLook,
): Quarantine {
  const known = new Map(before.map((orphan) => [orphan.dockerId, orphan]));
  const passed = Math.min(Math.max(look.now - lookedAt, 0), LONGEST_STEP_MS);
  const orphans = found.map((instance) => {
    const former = known.get(instance.dockerId);
    return former === undefined ? entered(instance, look) : watched(former, instance.name, passed, look);
  });
  return {
    orphans,
    fresh: orphans.filter(({ dockerId }) => !known.has(dockerId)),
    due: orphans.filter(({ kept, watchedMs }) => kept === '' && watchedMs >= look.quarantineMs),
  };
}

function entered({ dockerId, name, fence, identity }: ObservedInstance, look: QuarantineLook): Orphan {
  const { containerId, instanceId } = identity;
  const { now: firstSeenAt, replicationId } = look;
  const ids = { dockerId, name, containerId, instanceId };
  const kept = notRebuilt(containerId, look) ?? doubtOf(fence, look);
  return { ...ids, firstSeenAt, watchedMs: 0, replicationId, kept };
}

/**
 * A container is made under a fence that Redis has given out after it had stored the record. So a Redis that knows of the fence has known the container, and
 * has let it go; of one that was made in a gap nobody can tell.
 */
function doubtOf(fence: number, look: QuarantineLook): string {
  if (fence === 0) return 'somebody has renamed it';
  return isLost(fence, look)
    ? 'Redis may have lost what it knew of it: it was made before Redis was restarted, restored or replaced'
    : '';
}

function watched(former: Orphan, name: string, passed: number, look: QuarantineLook): Orphan {
  const changed = former.replicationId !== look.replicationId;
  const doubt = changed ? 'Redis was restarted, restored or replaced while it was in quarantine' : '';
  return {
    ...former,
    name,
    watchedMs: former.watchedMs + passed,
    kept: notRebuilt(former.containerId, look) ?? (former.kept || doubt),
  };
}

function notRebuilt(containerId: string, { reasons }: QuarantineLook): string | null {
  const reason = reasons.get(containerId);
  return reason === undefined ? null : `Redis may have lost what it knew of it, and it was not rebuilt: ${reason}`;
}

/** Whether Redis may have lost what was done under a fence. */
export function isLost(fence: number, { fence: latest, gaps }: Pick<QuarantineLook, 'fence' | 'gaps'>): boolean {
  return fence > latest || gaps.some(([above, upTo]) => fence > above && fence <= upTo);
}
