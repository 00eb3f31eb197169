import { DomainError, invalidArgument, notFound, unavailable } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import type { CommitOutcome, Idempotency, Records } from '../store/records.js';

/** What a commit was about, for the error if it is refused. */
export interface About {
  readonly containerId: string;
  readonly name?: string;
  readonly revisionId?: string | null;
}

/** The operation of a commit that was accepted, now or the first time; a DomainError for one that was refused. */
export function accepted(outcome: CommitOutcome, about: About): Operation {
  switch (outcome.kind) {
    case 'COMMITTED':
    case 'REPEATED':
      return outcome.operation;
    case 'KEY_REUSED':
      throw keyReused();
    case 'NAME_TAKEN':
      throw nameTaken(about.name ?? '', outcome.containerId);
    case 'CONTAINER_NOT_FOUND':
      throw notFound('container', about.containerId);
    case 'REVISION_NOT_FOUND':
      throw notFound('revision', about.revisionId ?? '');
    case 'DELETING':
      throw beingDeleted(about.containerId);
    case 'CHANGED':
      throw unavailable('CONTAINER_BUSY', `container ${about.containerId} keeps changing; try again`);
  }
}

/** The operation that an earlier call with this key made, in its present state; null for a new key or without one. */
export async function findRepeated(records: Records, idempotency: Idempotency | null): Promise<Operation | null> {
  if (idempotency === null) return null;
  const outcome = await records.repeated(idempotency);
  if (outcome?.kind === 'KEY_REUSED') throw keyReused();
  return outcome?.operation ?? null;
}

/** Concurrent updates of one container are decided in a few rounds; nobody is told ABORTED for being second. */
const MAX_ROUNDS = 20;

/** Reads and commits again for as long as others change what was read in between. Nothing is left behind by a round that lost. */
export async function commitUnchanged(round: () => Promise<CommitOutcome>): Promise<CommitOutcome> {
  let outcome = await round();
  for (let rounds = 1; outcome.kind === 'CHANGED' && rounds < MAX_ROUNDS; rounds += 1) outcome = await round();
  return outcome;
}

export function beingDeleted(containerId: string): DomainError {
  const description = `container ${containerId} is being deleted`;
  return new DomainError({
    code: 'FAILED_PRECONDITION',
    reason: 'CONTAINER_DELETING',
    message: description,
    preconditions: [{ type: 'CONTAINER_STATUS', subject: `container/${containerId}`, description }],
  });
}

function nameTaken(name: string, containerId: string): DomainError {
  const message = `the name ${name} is taken in this folder by container ${containerId}`;
  return new DomainError({
    code: 'ALREADY_EXISTS',
    reason: 'CONTAINER_NAME_TAKEN',
    message,
    metadata: { container_id: containerId },
    resource: { type: 'longshore/container', name, description: message },
  });
}

function keyReused(): DomainError {
  return invalidArgument(
    [{ field: 'idempotency-key', description: 'was used for another request within the last 24 hours' }],
    'IDEMPOTENCY_KEY_REUSED',
  );
}
