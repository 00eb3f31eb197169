import { StoreFault } from './redis-connection.js';

/** Turns a fault of Redis into the DomainError that callers of the store are promised. */
export async function guarded<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof StoreFault ? error.toDomainError() : error;
  }
}
