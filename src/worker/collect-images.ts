import { EngineError } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import { collectImages, type ImagePolicy } from '../fleet/image-collection.js';
import type { HostWork, Lease } from '../store/work.js';
import type { WorkerLog } from './worker.js';

export interface ImageCollectorDeps {
  readonly hostWork: Pick<HostWork, 'pulledImages' | 'saveImages'>;
  readonly fleet: Pick<Fleet, 'ready'>;
  readonly policy: ImagePolicy;
  readonly log: WorkerLog;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

/** Listing images costs an engine that has many something. */
const LOOK_MS = 600_000;
/** In one look: each may take the engine a while. */
const MOST_REMOVALS = 5;

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
    try {
      const engine = await deps.fleet.ready(host);
      const { used, gone, remove } = collectImages(await engine.images(signal), pulled, now, policy);
      // Proves the lease, too.
      await hostWork.saveImages(lease, { used, gone });
      for (const image of remove.slice(0, MOST_REMOVALS)) {
        for (const reference of image.references) {
          signal.throwIfAborted();
          await engine.removeImage(reference, signal);
        }
        log.info({ host, image: image.imageId, references: image.references }, 'removed an image that nobody uses');
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof EngineError)) throw error;
      log.warn({ host, reason: error.message }, 'could not collect images');
    }
  };
}
