import type { StepContext } from './context.js';

/** Hints may be lost, so it is looked at least this often. */
const LOOK_MS = 1_000;

/**
 * Runs something long that can be left at any time without harm, and leaves it when the worker is to stop or when callers want something that the step
 * was not planned for: a Cancel, a Delete, a first operation. Null: it was left, and has to be planned anew.
 */
export async function whileWanted<T>(
  context: StepContext,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const left = new AbortController();
  const ended = new AbortController();
  const lost = () => left.abort(context.signal.reason);
  context.signal.addEventListener('abort', lost, { once: true });
  const watching = watch(context, ended.signal, () => left.abort());
  try {
    context.signal.throwIfAborted();
    return await run(left.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (left.signal.aborted) return null;
    throw error;
  } finally {
    // With a reason, as the error that stands for none costs more than a probe that is answered at once.
    ended.abort(null);
    context.signal.removeEventListener('abort', lost);
    await watching;
  }
}

async function watch(context: StepContext, ended: AbortSignal, leave: () => void): Promise<void> {
  while (!ended.aborted) {
    await context.hints.sleep(LOOK_MS, ended);
    if (ended.aborted) return;
    if (context.hints.draining() || (await isOverruled(context))) return leave();
  }
}

/** A store that cannot be asked says nothing: then it is the lease whose end ends the step. */
async function isOverruled({ deps, lease, view, loaded: before }: StepContext): Promise<boolean> {
  const loaded = await deps.work.load(lease, view.containerId).catch(() => before);
  if (loaded === null) return true;
  const { running, queued, deleteRequested } = loaded;
  if (deleteRequested && !before.deleteRequested) return true;
  if (running === null) return queued !== null && before.queued === null;
  return running.cancelRequested && before.running?.cancelRequested !== true;
}
