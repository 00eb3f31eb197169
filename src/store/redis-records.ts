import { EMPTY_STATE } from '../domain/container-state.js';
import { DomainError } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import { decodeBindings, decodeContainer, decodeRevision, type Fields } from './codec.js';
import { decodeOperation, encodeProgress, encodeResult, ownerOf } from './operation-text.js';
import type { ReadRecord } from './record-reads.js';
import type { Commit, CommitOutcome, Records, Submission } from './records.js';
import { StoreFault } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import type { ReadHosts } from './redis-host-records.js';
import { containerIndexes, operationIndexes, readPage, revisionIndexes } from './redis-pages.js';
import { commitReply } from './redis-replies.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from './script-runner.js';
import { tooNew } from './stored.js';
import { fieldsOfText, type HashViewName } from './views.js';

export interface RedisRecordsDeps {
  readonly scripts: ScriptRunner;
  readonly read: ReadRecord;
  readonly hosts: ReadHosts;
}

export function createRedisRecords({ scripts, read, hosts }: RedisRecordsDeps): Records {
  const commit = (name: ScriptName, request: AnyCommit, more: ScriptArguments): Promise<CommitOutcome> =>
    runCommit(scripts, name, request, more);

  async function readHash<T>(view: HashViewName, id: string, decode: (fields: Fields) => T): Promise<T | null> {
    const text = await read(view, id);
    return text === null ? null : decode(fieldsOfText(view, text));
  }

  async function operation(id: string): Promise<Operation | null> {
    const text = await read('operation', id);
    return text === null ? null : decodeOperation(id, text);
  }

  return {
    createContainer: (request) => {
      const { labels, ...container } = request.container;
      const texts = { labels: JSON.stringify(labels), state: JSON.stringify(EMPTY_STATE) };
      return commit('create-container', request, { container: { ...container, ...texts } });
    },
    updateContainer: (request) => {
      const { labels, ...container } = request.container;
      return commit('update-container', request, { container: { ...container, labels: JSON.stringify(labels) } });
    },
    setAccessBindings: (request) =>
      commit('set-access-bindings', request, {
        bindings: JSON.stringify(request.bindings),
        expectedVersion: request.expectedVersion,
      }),
    submit: (request) => {
      if ((request.operation.kind === 'DEPLOY') !== (request.revision !== null))
        throw new TypeError('a deploy has a revision and nothing else has');
      if (request.revision === null) return commit('submit', request, {});
      const { id, containerId, description, spec } = request.revision;
      return commit('submit', request, { revision: { id, containerId, description }, spec: JSON.stringify(spec) });
    },
    cancel: async (operationId) => {
      const text = await guarded(scripts.run('cancel', { operationId }));
      return typeof text === 'string' && text !== '' ? decodeOperation(operationId, text) : null;
    },

    repeated: async ({ key, requestHash }) => {
      const known = await readHash('idempotency', key, (fields) => fields);
      const repeated = known && (await operation(known['operationId'] ?? ''));
      if (known === null || repeated === null) return null;
      return known['requestHash'] === requestHash ? { kind: 'REPEATED', operation: repeated } : { kind: 'KEY_REUSED' };
    },

    container: (id) => readHash('container', id, decodeContainer),
    revision: (id) => readHash('revision', id, decodeRevision),
    operation,
    hosts,
    accessBindings: (containerId) => readHash('bindings', containerId, decodeBindings),

    containers: (query) => {
      const decode = (_: string, text: string) => decodeContainer(fieldsOfText('container', text));
      return readPage(scripts, { indexes: containerIndexes(query.index), view: 'container', decode }, query);
    },
    revisions: (query) => {
      const decode = (_: string, text: string) => decodeRevision(fieldsOfText('revision', text));
      return readPage(scripts, { indexes: revisionIndexes(query.index), view: 'revision', decode }, query);
    },
    operations: (query) => {
      const source = { indexes: operationIndexes(query.index), view: 'operation', decode: decodeOperation } as const;
      return readPage(scripts, source, query);
    },
  };
}

type AnyCommit = Commit | Submission;

async function runCommit(
  scripts: ScriptRunner,
  name: ScriptName,
  { operation, idempotency }: AnyCommit,
  more: ScriptArguments,
): Promise<CommitOutcome> {
  checkOwner(operation);
  const args = {
    ...more,
    operation: encodeNew(operation),
    idempotency: idempotency ?? undefined,
  };
  try {
    return outcomeOf(commitReply(await scripts.run(name, args)));
  } catch (error) {
    if (error instanceof StoreFault) throw error.unanswered ? outcomeUnknown(operation, error) : error.toDomainError();
    throw error;
  }
}

// Name by name: a spread of so many takes longer than encoding them.
function encodeNew(operation: AnyCommit['operation']): ScriptArguments {
  const { id, kind, containerId, revisionId, createdBy, description, progress, result } = operation;
  return {
    id,
    kind,
    folderId: 'folderId' in operation ? operation.folderId : undefined,
    containerId,
    revisionId: revisionId ?? '',
    createdBy,
    description,
    progress: encodeProgress(progress),
    result: encodeResult(result),
  };
}

/** The result is stored without what it shares with its operation. */
function checkOwner(operation: AnyCommit['operation']): void {
  // What is only queued yet has no result and needs no folder.
  if (operation.result === null) return;
  const { containerId, revisionId } = operation;
  const folderId = 'folderId' in operation ? operation.folderId : null;
  const owner = { containerId, folderId, revisionId, ...ownerOf(operation.result) };
  if (owner.containerId !== containerId || owner.folderId !== folderId || owner.revisionId !== revisionId)
    throw new TypeError(`the result of operation ${operation.id} is not of what it is about`);
}

function outcomeOf(reply: ReturnType<typeof commitReply>): CommitOutcome {
  switch (reply[0]) {
    case 'COMMITTED':
    case 'REPEATED':
      return { kind: reply[0], operation: decodeOperation(reply[1], reply[2]) };
    case 'NAME_TAKEN':
      return { kind: reply[0], containerId: reply[1] };
    case 'TOO_NEW':
      throw tooNew(reply[1], reply[2]);
    default:
      return { kind: reply[0] };
  }
}

/** The request reached Redis, its answer did not reach us. */
function outcomeUnknown({ id }: Pick<Operation, 'id'>, cause: StoreFault): DomainError {
  return new DomainError(
    {
      code: 'UNAVAILABLE',
      reason: 'OUTCOME_UNKNOWN',
      message: `Redis did not answer, so it is unknown whether operation ${id} was accepted: read it, or send the request again with the same idempotency key`,
      metadata: { operation_id: id },
      retryAfterMs: 1000,
    },
    { cause },
  );
}
