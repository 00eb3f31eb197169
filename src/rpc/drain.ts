import { DomainError } from '../domain/errors.js';
import { createLine, type Place } from './line.js';

/** What is in flight, as the end of the server sees it. */
export interface InFlight {
  /** The server takes nothing new: what only waits for something is to answer as it is. */
  hurry(): void;
  /** The time for answers is over. */
  cut(why: DomainError): void;
}

/** All calls in flight, for the server to end. */
export interface Drain {
  /** Whether they have been told to hurry; one that comes later has to ask. */
  readonly begun: boolean;
  /** Throws UNAVAILABLE once they have been cut. */
  add(call: InFlight): Place<InFlight>;
  /** Does nothing for a call that was removed. */
  remove(place: Place<InFlight>): void;
  begin(): void;
  cut(): void;
}

export function createDrain(): Drain {
  const calls = createLine<InFlight>();
  let state: 'OPEN' | 'BEGUN' | 'CUT' = 'OPEN';
  return {
    get begun() {
      return state !== 'OPEN';
    },
    add: (call) => {
      if (state === 'CUT') throw shuttingDown();
      return calls.join(call);
    },
    remove: calls.leave,
    begin: () => {
      state = 'BEGUN';
      for (const call of calls.all()) call.hurry();
    },
    cut: () => {
      state = 'CUT';
      for (const call of calls.all()) call.cut(shuttingDown());
    },
  };
}

const shuttingDown = (): DomainError =>
  new DomainError({
    code: 'UNAVAILABLE',
    reason: 'SHUTTING_DOWN',
    message:
      'the server shut down before the call was answered; whether a change was accepted is unknown: send it again with the same idempotency key',
  });
