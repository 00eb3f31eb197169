import { guarded } from './redis-faults.js';
import { texts } from './redis-replies.js';
import type { ScriptRunner } from './script-runner.js';
import type { ViewName } from './views.js';

/** Reads single records; null where there is none. */
export type ReadRecord = (view: ViewName, id: string) => Promise<string | null>;

interface Wanted {
  readonly view: ViewName;
  readonly id: string;
  readonly resolve: (text: string | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Small enough that the first answers are under way while Redis looks for the next; and the largest records are some 200 KiB. */
const MOST_AT_ONCE = 16;

/**
 * What is asked for in one turn of the event loop is read by one script: under load a request to Redis costs more than what it reads. Nothing is kept
 * and nothing shared: every call reads, after it was made.
 */
export function createRecordReads(scripts: ScriptRunner): ReadRecord {
  let waiting: Wanted[] = [];

  const begin = (): void => {
    const batch = waiting;
    waiting = [];
    for (let first = 0; first < batch.length; first += MOST_AT_ONCE)
      void readAll(scripts, batch.slice(first, first + MOST_AT_ONCE));
  };

  return (view, id) =>
    new Promise((resolve, reject) => {
      // After the phase in which requests arrive, so that those that came together are read together.
      if (waiting.length === 0) setImmediate(begin);
      waiting.push({ view, id, resolve, reject });
    });
}

async function readAll(scripts: ScriptRunner, batch: readonly Wanted[]): Promise<void> {
  try {
    const wanted = batch.map(({ view, id }) => [view, id]);
    const found = texts.parse(await guarded(scripts.run('read', { wanted })));
    batch.forEach(({ resolve }, at) => {
      resolve(found[at] || null);
    });
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
