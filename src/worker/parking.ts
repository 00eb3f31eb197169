import { troubleText } from '../domain/trouble.js';
import type { KnownTrouble, Lease, Parking, StateChange } from '../store/work.js';
import type { HeldLease } from './held-leases.js';
import { transitionOf } from './transition-fields.js';
import type { Hints, KeyWork, Next, WorkerLog } from './worker.js';

export interface ParkingDeps {
  readonly parking: Pick<Parking, 'park' | 'unpark'>;
  readonly log: WorkerLog;
  /** How often in a row the work on a key may fail before it is given up. */
  readonly attempts: number;
}

/** What can be done about a key whose work fails, without doing that work. */
export interface Ward {
  /** Ends the operation that the work is at, or the next one; false: there is none. */
  endOperation(held: HeldLease, hints: Hints, trouble: KnownTrouble): Promise<boolean>;
  /** The record of what the key is about, with this text as why it is parked; null: there is no such record. */
  noted(lease: Lease, parked: string | null): Promise<StateChange | null>;
}

/** For keys that have neither operations nor a record that callers see. */
export const NO_WARD: Ward = { endOperation: () => Promise.resolve(false), noted: () => Promise.resolve(null) };

/** Ending an operation may fail as well, or kill: then the record is not touched any more. */
const MOST_ENDINGS = 2;
const PAUSE_MS = { first: 60_000, last: 3_600_000 };

/**
 * Stands before the work on keys, so that none is worked for ever in vain. Work that failed so many times in a row, whether it threw or its process
 * died, is not done: its operation is ended, and the next one may advance; and where there is none, the key is parked, which means that it
 * is tried now and then, at growing intervals. A new operation or a success unparks it.
 */
export function createParking({ parking, log, attempts }: ParkingDeps, ward: Ward, work: KeyWork): KeyWork {
  const tryParked = async (held: HeldLease, hints: Hints, trouble: KnownTrouble): Promise<Next> => {
    const restMs = pauseAfter(trouble.count - attempts) - trouble.agoMs;
    if (restMs > 0) return leftAlone(held, restMs);
    const next = await work(held, hints);
    await parking.unpark(held.lease, await ward.noted(held.lease, null));
    log.info(fieldsOf(held, trouble), 'unparked a key: the work on it has come to an end');
    return next;
  };

  const giveUp = async (held: HeldLease, hints: Hints, trouble: KnownTrouble): Promise<Next> => {
    const mayEnd = trouble.count < attempts + MOST_ENDINGS;
    if (mayEnd && (await ward.endOperation(held, hints, trouble))) return { delayMs: 0, clean: !held.lease.unclean };
    const text = `parked: ${troubleText(trouble)}`;
    await parking.park(held.lease, mayEnd ? await ward.noted(held.lease, text) : null);
    log.error(fieldsOf(held, trouble), 'parked a key: the work on it fails time and again');
    return leftAlone(held, pauseAfter(trouble.count - attempts));
  };

  return async (held, hints) => {
    const { trouble } = held.lease;
    if (trouble === null) return work(held, hints);
    if (trouble.parkedAt !== null) return tryParked(held, hints, trouble);
    if (trouble.count >= attempts) return giveUp(held, hints, trouble);
    if (trouble.noted) await parking.unpark(held.lease, await ward.noted(held.lease, null));
    return work(held, hints);
  };
}

const leftAlone = ({ lease }: HeldLease, delayMs: number): Next => ({
  delayMs,
  clean: !lease.unclean,
  tried: false,
});

const pauseAfter = (extra: number): number => Math.min(PAUSE_MS.first * 2 ** Math.min(extra, 30), PAUSE_MS.last);

const fieldsOf = ({ lease }: HeldLease, { count, reason }: KnownTrouble) => ({
  ...transitionOf(lease),
  key: lease.key,
  failures: count,
  reason: reason || 'the process died, or lost its lease',
});
