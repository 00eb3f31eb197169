import type { Fleet } from '../fleet/fleet.js';
import type { WorkQueue } from '../store/work.js';
import type { WorkerLog } from './worker.js';

/** Actions of an engine after which its container may need work. Our own calls cause them too, which costs one look. */
const TELLING = new Set(['die', 'oom', 'destroy', 'stop', 'pause', 'unpause', 'rename', 'health_status']);
const RECONNECT_MS = 2_000;

/** Turns what the engines say into due keys, until the signal aborts. An engine that is away is asked again and again. */
export async function feedEvents(
  deps: { readonly fleet: Fleet; readonly queue: WorkQueue; readonly log: WorkerLog },
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(deps.fleet.names.map((name) => feedHost(deps, name, signal)));
}

async function feedHost(deps: Parameters<typeof feedEvents>[0], name: string, signal: AbortSignal): Promise<void> {
  let told = '';
  while (!signal.aborted) {
    try {
      const driver = await deps.fleet.ready(name);
      told = '';
      for await (const event of driver.events(signal)) {
        if (TELLING.has(event.action.split(':', 1)[0] ?? ''))
          await deps.queue.enqueue(`container/${event.containerId}`, 0);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!signal.aborted && reason !== told) deps.log.warn({ host: name, reason }, 'the event stream of a host ended');
      told = reason;
      deps.fleet.forget(name);
    }
    if (!signal.aborted) await pause(RECONNECT_MS, signal);
  }
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
