import type { EngineEvent } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import type { WorkQueue } from '../store/work.js';
import type { OwnStarts } from './own-starts.js';
import type { WorkerLog } from './worker.js';

export interface EventFeedDeps {
  readonly fleet: Pick<Fleet, 'names' | 'ready' | 'forget'>;
  readonly queue: Pick<WorkQueue, 'enqueue'>;
  readonly ownStarts: Pick<OwnStarts, 'isNews'>;
  readonly log: WorkerLog;
  /** Before a stream that ended is asked for again; 2 s by default. */
  readonly reconnectMs?: number;
}

/**
 * Actions of an engine after which its container may need work. Our own calls cause them too, which costs one look; but of starts, which are
 * the most, only those count that somebody else has asked for.
 */
const TELLING = new Set(['die', 'oom', 'destroy', 'stop', 'pause', 'unpause', 'rename', 'health_status']);

/**
 * Turns what the engines say into due keys, until the signal aborts. An engine that is away is asked again and again. The host is observed when its
 * stream ends, which says that something is wrong, and when it stands again, since nobody told what happened before.
 */
export async function feedEvents(deps: EventFeedDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(deps.fleet.names.map((name) => feedHost(deps, name, signal)));
}

async function feedHost(deps: EventFeedDeps, name: string, signal: AbortSignal): Promise<void> {
  let told = '';
  while (!signal.aborted) {
    try {
      const driver = await deps.fleet.ready(name);
      told = '';
      for await (const event of driver.events(signal, () => observe(deps, name))) {
        if (isTelling(event, deps.ownStarts)) await deps.queue.enqueue(`container/${event.containerId}`, 0);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      deps.fleet.forget(name);
      if (!signal.aborted && reason !== told) {
        deps.log.warn({ host: name, reason }, 'the event stream of a host ended');
        observe(deps, name);
      }
      told = reason;
    }
    if (!signal.aborted) await pause(deps.reconnectMs ?? 2_000, signal);
  }
}

function isTelling({ action, instanceId }: EngineEvent, ownStarts: Pick<OwnStarts, 'isNews'>): boolean {
  if (action === 'start') return ownStarts.isNews(instanceId);
  return TELLING.has(action.split(':', 1)[0] ?? '');
}

/** Should Redis be away, the next round of observations makes up for it. */
function observe({ queue, log }: EventFeedDeps, host: string): void {
  queue
    .enqueue(`host/${host}`, 0)
    .catch((error: unknown) => log.warn({ host, err: error }, 'could not ask for a look at a host'));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
