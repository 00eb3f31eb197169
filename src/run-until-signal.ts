import { constants } from 'node:os';
import type { Logger } from './log.js';

export const EXIT = { stopped: 0, failed: 1, configuration: 2, deadline: 3 } as const;

interface Running {
  /** Resolves with the reason where it must not go on. */
  readonly ended?: Promise<string>;
  /** Cuts what is left at the deadline; never rejects. */
  stop(deadlineMs: number): Promise<void>;
}

export interface RunDeps {
  /** Rejects early when the signal aborts. */
  readonly start: (signal: AbortSignal) => Promise<Running>;
  readonly stopDeadlineMs: number;
  readonly log: Logger;
}

/** For what was cut to end, and for what ends after it (an embedded Redis): up to this long, out of the deadline. */
const MARGIN_MS = 2_000;

/** How long draining may take, `leftMs` before the process exits. */
const drainMs = (leftMs: number, stopDeadlineMs: number): number =>
  Math.max(0, leftMs - Math.min(MARGIN_MS, stopDeadlineMs / 4));

/**
 * Runs a service until SIGTERM or SIGINT, or until it says that it must not go on, and resolves with the exit code. A signal that comes during the
 * start cuts it short. What still drains shortly before the deadline is cut; at the deadline the process exits whatever it does, and at a second
 * signal at once.
 */
export async function runUntilSignal({ start, stopDeadlineMs, log }: RunDeps): Promise<number> {
  const asked = firstSignal();
  const starting = new AbortController();
  let exitAt = Number.POSITIVE_INFINITY;
  void asked.then((signal) => {
    exitAt = performance.now() + stopDeadlineMs;
    starting.abort();
    log.info({ signal, deadlineMs: stopDeadlineMs }, 'stopping');
    exitAtDeadline(stopDeadlineMs, log);
  });
  let service: Running;
  try {
    service = await start(starting.signal);
  } catch (error) {
    if (starting.signal.aborted) {
      log.info({}, 'stopped before the start was complete');
      return EXIT.stopped;
    }
    log.error({ err: error }, 'the service does not start');
    return EXIT.failed;
  }
  const reason = await Promise.race([asked.then(() => null), service.ended ?? asked.then(() => null)]);
  if (reason !== null) {
    log.error({}, reason);
    exitAt = performance.now() + stopDeadlineMs;
    exitAtDeadline(stopDeadlineMs, log);
  }
  // A start that took its time to notice has used up some of the deadline.
  await service.stop(drainMs(exitAt - performance.now(), stopDeadlineMs));
  log.info({}, 'stopped');
  return reason === null ? EXIT.stopped : EXIT.failed;
}

function exitAtDeadline(stopDeadlineMs: number, log: Logger): void {
  setTimeout(() => {
    log.error({}, 'did not stop within the deadline; what is left will be carried on by the next process');
    process.exit(EXIT.deadline);
  }, stopDeadlineMs).unref();
}

/** Later signals end the process with the code that a shell expects. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let came = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, () => {
        if (came) process.exit(128 + constants.signals[name]);
        came = true;
        resolve(name);
      });
  });
}
