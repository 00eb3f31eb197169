import { progressAt } from '../../domain/operation.js';
import type { Revision } from '../../domain/revision.js';
import { canonicalReference } from '../../engine/docker-reference.js';
import { type EngineDriver, EngineError, type EngineImage } from '../../engine/driver.js';
import { pullPercent } from '../../reconciler/progress.js';
import { announce, changeTo, type StepContext, stateOf } from './context.js';

/** Bytes of a pull are written to the operation at most this often. */
const PROGRESS_INTERVAL_MS = 500;

/**
 * The revision's image on that engine, pulled if need be. Once a revision has run, it is the very same image for ever: by its repository
 * digest, or by its id where no registry knows it. PERMANENT where it can not be had.
 */
export async function ensureImage(
  engine: EngineDriver,
  revision: Revision,
  context: StepContext,
): Promise<EngineImage> {
  const { image, spec } = revision;
  if (image !== null) {
    const there = await engine.findImage(image.pullReference ?? image.id, context.signal);
    if (there) return there;
    if (image.pullReference === null) throw goneForGood(engine.host, image.id);
    return pullAnew(engine, image.pullReference, context);
  }
  if (spec.pullPolicy === 'IF_ABSENT') {
    const there = await engine.findImage(spec.image.url, context.signal);
    if (there) return there;
  }
  return pullAnew(engine, spec.image.url, context);
}

/**
 * What the host did not have is ours to remove again when its disk is short. A pull that is not written down, since we died or since the images could not be
 * listed, stays for a person.
 */
async function pullAnew(engine: EngineDriver, reference: string, context: StepContext): Promise<EngineImage> {
  const { deps, lease } = context;
  const before = await idsOn(engine, context);
  const image = await pull(engine, reference, context);
  if (before === null || before.has(image.id)) return image;
  const references = [canonicalReference(reference)];
  await deps.hostWork.noteImage(lease, { host: engine.host, imageId: image.id, references });
  return image;
}

async function idsOn(engine: EngineDriver, { signal }: StepContext): Promise<ReadonlySet<string> | null> {
  try {
    return new Set((await engine.images(signal)).map(({ id }) => id));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineError) return null;
    throw error;
  }
}

function goneForGood(host: string, imageId: string): EngineError {
  const message = `image ${imageId} is gone and came from no registry`;
  return new EngineError('PERMANENT', host, message, { reason: 'IMAGE_NOT_FOUND' });
}

async function pull(engine: EngineDriver, reference: string, context: StepContext): Promise<EngineImage> {
  const { deps, signal } = context;
  await announce(context);
  let reportedAt = 0;
  let reporting: Promise<void> = Promise.resolve();
  let lost: unknown = null;
  const report = (bytesDone: number, bytesTotal: number): void => {
    const now = performance.now();
    if (context.progress === undefined || now - reportedAt < PROGRESS_INTERVAL_MS) return;
    reportedAt = now;
    const progress = { ...progressAt('PULL', pullPercent(bytesDone, bytesTotal)), bytesDone, bytesTotal };
    const { rolloutOrder } = context.progress;
    const change = { ...changeTo(context, stateOf(context)), progress: { ...progress, rolloutOrder } };
    reporting = reporting
      .then(() => deps.work.save(context.lease, change))
      .catch((error: unknown) => {
        lost = error;
      });
  };
  try {
    return await engine.pull(reference, {
      stallMs: deps.pullStallMs,
      signal,
      onProgress: ({ bytesDone, bytesTotal }) => report(bytesDone, bytesTotal),
    });
  } finally {
    await reporting;
    if (lost) deps.log.warn({ err: lost, host: engine.host }, 'the progress of a pull could not be written');
  }
}
