import type { Route, RouteTarget } from '../domain/route.js';
import type { Drain } from './drain.js';
import { IngressError } from './errors.js';
import type { Hold } from './hold.js';
import { createLine, LineError } from './line.js';

export interface Admitted {
  readonly target: RouteTarget;
  /** Ends the request's use of the instance; safe to call again. */
  readonly release: () => void;
}

export interface AdmissionDeps {
  /** Throws 503 where nothing is known. */
  lookup(containerId: string): Route | null;
  /** Not null: what `lookup` says may be old, until it resolves. */
  waking(): Promise<void> | null;
  readonly drain: Drain;
  readonly hold: Hold;
  /** Requests that may wait for a free instance, per container; 429 beyond it. */
  readonly queueLimit: number;
  /** Monotonic, in milliseconds. */
  now(): number;
}

/**
 * Which instance a request goes to, and when. The choice is made from the table as it is at that moment, and counted in the
 * same turn: nothing waits between the two, so no request starts on an instance that has left the table.
 */
export interface Admission {
  /**
   * Admits at once, or null if the request has to wait. `tried`: instances that could not be reached for this request.
   * Throws IngressError: 404 (nothing there), 502 (all were tried), 503 (no revision, no instance).
   */
  now(containerId: string, tried: ReadonlySet<string>): Admitted | null;
  /** Waits until it can be admitted. Throws as `now` does, 429 if the line is full, 503 as Hold says, or the signal's reason. */
  later(containerId: string, tried: ReadonlySet<string>, signal: AbortSignal): Promise<Admitted>;
  released(containerId: string): void;
  routeChanged(containerId: string): void;
  queued(containerId: string): number;
}

export function createAdmission({ lookup, waking, drain, hold, queueLimit, now: clock }: AdmissionDeps): Admission {
  const line = createLine(queueLimit);

  function admit(containerId: string, route: Route, tried: ReadonlySet<string>): Admitted | null {
    const target = leastUsed(route, tried, drain);
    if (target === null) return null;
    return { target, release: drain.use(containerId, target.instanceId) };
  }

  function now(containerId: string, tried: ReadonlySet<string>): Admitted | null {
    if (waking() !== null) return null;
    const route = servingRoute(lookup(containerId));
    if (route.state === 'HELD' || line.length(containerId) > 0) return null;
    requireTarget(route, tried);
    return admit(containerId, route, tried);
  }

  async function waitForSlot(containerId: string, signal: AbortSignal): Promise<void> {
    try {
      await line.wait(containerId, null, signal);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new IngressError(429, 'all instances are busy and too many requests wait', 1, { cause: error });
    }
  }

  async function later(containerId: string, tried: ReadonlySet<string>, signal: AbortSignal): Promise<Admitted> {
    let heldSince: number | null = null;
    let called = false;
    for (;;) {
      const asleep = waking();
      if (asleep !== null) {
        await asleep;
        signal.throwIfAborted();
      }
      const route = servingRoute(lookup(containerId));
      if (route.state === 'HELD') {
        heldSince ??= clock();
        await hold.untilChange(containerId, heldSince, signal);
      } else {
        requireTarget(route, tried);
        // Who was called from the line goes before those who still stand in it; a newcomer goes behind them.
        const admitted = called || line.length(containerId) === 0 ? admit(containerId, route, tried) : null;
        if (admitted !== null) return admitted;
        await waitForSlot(containerId, signal);
        called = true;
      }
    }
  }

  return {
    now,
    later,
    released: (containerId) => line.callOne(containerId),
    routeChanged(containerId) {
      hold.routeChanged(containerId);
      line.callAll(containerId);
    },
    queued: (containerId) => line.length(containerId),
  };
}

/**
 * 404: no such container, or one that speaks no HTTP: asking again is no use. 503: the container is there and its address is
 * right, it only has no revision yet, or has been stopped.
 */
function servingRoute(route: Route | null): Route {
  if (route === null) throw new IngressError(404, 'no container has this host name');
  if (route.state === 'STOPPED') throw new IngressError(503, 'the container has been stopped');
  if (route.state !== 'EMPTY') return route;
  if (route.revisionId === null) throw new IngressError(503, 'the container has no deployed revision yet', 5);
  throw new IngressError(404, "the container's revision serves no HTTP");
}

function requireTarget(route: Route, tried: ReadonlySet<string>): void {
  if (route.targets.length === 0) throw new IngressError(503, 'the container has no running instance', 1);
  if (tried.size > 0 && route.targets.every((target) => tried.has(target.instanceId)))
    throw new IngressError(502, 'the container could not be reached');
}

function leastUsed(route: Route, tried: ReadonlySet<string>, drain: Drain): RouteTarget | null {
  let best: RouteTarget | null = null;
  let bestCount = route.concurrency > 0 ? route.concurrency : Number.POSITIVE_INFINITY;
  for (const target of route.targets) {
    if (tried.has(target.instanceId)) continue;
    const count = drain.inFlight(target.instanceId);
    if (count < bestCount) {
      best = target;
      bestCount = count;
    }
  }
  return best;
}
