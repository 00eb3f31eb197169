import { DomainError, type Failure } from '../../src/domain/errors.js';

/** The failure that `act` throws; fails the test if it returns, or throws anything else. */
export function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.failure;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The fields that `act` is refused for; none if it is not refused. */
export function violatedFields(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError && error.failure.code === 'INVALID_ARGUMENT')
      return (error.failure.fields ?? []).map((violation) => violation.field);
    throw error;
  }
  return [];
}
