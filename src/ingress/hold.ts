import { IngressError } from './errors.js';
import { createLine, LineError } from './line.js';

export interface HoldOptions {
  /** Requests that one container may have waiting. */
  readonly maxRequests: number;
  /** How long one request may wait in all. */
  readonly maxWaitMs: number;
}

/** Requests of a container whose only instance is being replaced: they wait for the route's next version. */
export interface Hold {
  /** Resolves when the route changed. Throws IngressError 503 (too many, or too long since `heldSince`), or the signal's reason. */
  untilChange(containerId: string, heldSince: number, signal: AbortSignal): Promise<void>;
  routeChanged(containerId: string): void;
  holding(containerId: string): number;
}

/** `now` is monotonic, in milliseconds. */
export function createHold(options: HoldOptions, now: () => number): Hold {
  const line = createLine(options.maxRequests);
  return {
    async untilChange(containerId, heldSince, signal) {
      try {
        await line.wait(containerId, heldSince + options.maxWaitMs - now(), signal);
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        const why = error.refusal === 'FULL' ? 'too many requests wait for it' : 'it took too long';
        throw new IngressError(503, `the container's revision is being replaced, and ${why}`, 5, { cause: error });
      }
    },
    routeChanged: (containerId) => line.callAll(containerId),
    holding: (containerId) => line.length(containerId),
  };
}
