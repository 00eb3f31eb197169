import { type EngineDriver, EngineError } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import { type Collection, collectImages, type ImagePolicy } from '../fleet/image-collection.js';
import type { HostWork, Lease } from '../store/work.js';
import { transitionOf } from './transition-fields.js';
import type { WorkerLog } from './worker.js';

export interface ImageRemovalDeps {
  readonly hostWork: Pick<HostWork, 'pulledImages'>;
  readonly fleet: Pick<Fleet, 'ready'>;
  readonly policy: ImagePolicy;
  readonly log: WorkerLog;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

export interface ImageCollectorDeps extends ImageRemovalDeps {
  readonly hostWork: Pick<HostWork, 'pulledImages' | 'saveImages'>;
}

/** Listing images costs an engine that has many something. */
const LOOK_MS = 600_000;
/** In one look: each may take the engine a while. */
const MOST_REMOVALS = 5;
/** Where nothing fits on the disk any more, room is made this often, of what has been out of use for so long: others may be about to use what they pulled. */
const ROOM_MS = 10_000;
const ROOM_UNUSED_MS = 60_000;

/**
 * Looks at the images of a host now and then, under the lease of its key, and removes what `collectImages` says. One that is wanted again meanwhile is
 * refused by the engine once something is made of it, and pulled again before that.
 */
export function createImageCollector(deps: ImageCollectorDeps) {
  const { hostWork, policy, log, clock } = deps;
  const lookMs = Math.min(LOOK_MS, policy.unusedForMs);
  const lookedAt = new Map<string, number>();

  return async (lease: Lease, host: string, now: number, signal: AbortSignal): Promise<void> => {
    const last = lookedAt.get(host);
    if (last !== undefined && clock() - last < lookMs) return;
    lookedAt.set(host, clock());
    // Not at once: whoever starts has more urgent things to do.
    const pulled = last === undefined ? [] : await hostWork.pulledImages(host);
    if (pulled.length === 0) return;
    await unlessEngineFails({ host, lease, log }, signal, async () => {
      const engine = await deps.fleet.ready(host);
      const { used, gone, remove } = collectImages(await engine.images(signal), pulled, now, policy);
      // Proves the lease, too.
      await hostWork.saveImages(lease, { used, gone });
      await removeImages(engine, remove.slice(0, MOST_REMOVALS), { lease, log, signal });
    });
  };
}

/** Makes room on a host where nothing fits any more. `lease`: of the key that needs it; `now`: Redis time. */
export type MakeRoom = (lease: Lease, host: string, now: number, signal: AbortSignal) => Promise<void>;

/**
 * Removes all that may go, however much there is: the limit was set too high for that disk. It needs no lease of the host: an engine keeps what is in use, and the
 * next look of the collector finds what is gone.
 */
export function createRoomMaker({ hostWork, fleet, policy, log, clock }: ImageRemovalDeps): MakeRoom {
  const unused = { limitBytes: 0, unusedForMs: Math.min(policy.unusedForMs, ROOM_UNUSED_MS) };
  const madeAt = new Map<string, number>();

  return async (lease, host, now, signal) => {
    const last = madeAt.get(host);
    if (last !== undefined && clock() - last < ROOM_MS) return;
    madeAt.set(host, clock());
    await unlessEngineFails({ host, lease, log }, signal, async () => {
      const engine = await fleet.ready(host);
      const stored = await engine.images(signal);
      const { remove } = collectImages(stored, await hostWork.pulledImages(host), now, unused);
      await removeImages(engine, remove, { lease, log, signal });
    });
  };
}

interface Removing {
  readonly lease: Lease;
  readonly log: WorkerLog;
  readonly signal: AbortSignal;
}

async function removeImages(engine: EngineDriver, images: Collection['remove'], { lease, log, signal }: Removing) {
  for (const { imageId, references } of images) {
    for (const reference of references) {
      signal.throwIfAborted();
      await engine.removeImage(reference, signal);
    }
    const { host } = engine;
    log.info({ ...transitionOf(lease, { host }), image: imageId, references }, 'removed an image that nobody uses');
  }
}

/** Images are no reason for other work on the host to fail. */
async function unlessEngineFails(
  { host, lease, log }: { readonly host: string; readonly lease: Lease; readonly log: WorkerLog },
  signal: AbortSignal,
  collect: () => Promise<void>,
): Promise<void> {
  try {
    await collect();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    log.warn({ ...transitionOf(lease, { host }), reason: error.message }, 'could not collect images');
  }
}
