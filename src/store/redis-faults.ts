import { DomainError } from '../domain/errors.js';
import { StoreFault } from './redis-connection.js';
import { refusalIn } from './redis-refusals.js';

/** Turns a fault of Redis into the DomainError that callers of the store are promised. */
export async function guarded<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof StoreFault ? error.toDomainError() : error;
  }
}

/** Whether a call of the store failed for a reason that may come right without a hand: anything but credentials and a database that Redis refuses. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof DomainError) || error.failure.code !== 'UNAVAILABLE') return false;
  const refusal = error.cause instanceof StoreFault ? refusalIn(error.cause.cause) : null;
  return refusal === null || refusal.replica;
}
