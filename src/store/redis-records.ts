import { EMPTY_STATE } from '../domain/container-state.js';
import { DomainError } from '../domain/errors.js';
import type { Operation } from '../domain/operation.js';
import {
  decodeBindings,
  decodeContainer,
  decodeOperation,
  decodeRevision,
  type Fields,
  fieldsOf,
  upgrade,
} from './codec.js';
import type { KeyFamily, Keys } from './keys.js';
import type { Commit, CommitOutcome, Records } from './records.js';
import { type RedisConnection, StoreFault } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { containerIndexKey, operationIndexKey, readPage, revisionIndexKey } from './redis-pages.js';
import { commitReply, hash, pairs } from './redis-replies.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from './script-runner.js';

export interface RedisRecordsDeps {
  readonly scripts: ScriptRunner;
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

export function createRedisRecords({ scripts, connection, keys }: RedisRecordsDeps): Records {
  const commit = (name: ScriptName, request: Commit, more: ScriptArguments): Promise<CommitOutcome> =>
    runCommit(scripts, name, request, more);

  async function read<T>(family: KeyFamily, id: string, decode: (fields: Fields) => T): Promise<T | null> {
    const fields = hash.parse(await guarded(connection.call((client) => client.hgetall(keys.key(family, id)))));
    return Object.keys(fields).length === 0 ? null : decode(fields);
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
      const { spec, ...revision } = request.revision;
      return commit('submit', request, { revision: { ...revision, spec: JSON.stringify(spec) } });
    },
    cancel: async (operationId) => {
      const fields = fieldsOf(pairs.parse(await guarded(scripts.run('cancel', { operationId }))));
      return fields && decodeOperation(fields);
    },

    repeated: async ({ key, requestHash }) => {
      const known = await read('idempotency', key, (fields) => fields);
      const operation = known && (await read('operation', known['operationId'] ?? '', decodeOperation));
      if (known === null || operation === null) return null;
      return known['requestHash'] === requestHash ? { kind: 'REPEATED', operation } : { kind: 'KEY_REUSED' };
    },

    container: (id) => read('container', id, decodeContainer),
    revision: (id) => read('revision', id, decodeRevision),
    operation: (id) => read('operation', id, decodeOperation),
    accessBindings: (containerId) =>
      read('container', containerId, (fields) => {
        upgrade(fields, `container ${containerId}`);
        return { version: Number(fields['version']), bindings: decodeBindings(fields['bindings'] ?? '[]') };
      }),

    containers: (query) =>
      guarded(readPage(connection, keys, containerIndexKey(keys, query.index), 'container', query, decodeContainer)),
    revisions: (query) =>
      guarded(readPage(connection, keys, revisionIndexKey(keys, query.index), 'revision', query, decodeRevision)),
    operations: (query) =>
      guarded(readPage(connection, keys, operationIndexKey(keys, query.index), 'operation', query, decodeOperation)),
  };
}

async function runCommit(
  scripts: ScriptRunner,
  name: ScriptName,
  { operation, idempotency }: Commit,
  more: ScriptArguments,
): Promise<CommitOutcome> {
  const args = {
    ...more,
    operation: {
      ...operation,
      revisionId: operation.revisionId ?? '',
      progress: operation.progress === null ? '' : JSON.stringify(operation.progress),
      result: operation.result === null ? '' : JSON.stringify(operation.result),
    },
    ...(idempotency && { idempotency }),
  };
  try {
    return outcomeOf(commitReply.parse(await scripts.run(name, args)));
  } catch (error) {
    if (error instanceof StoreFault) throw error.unanswered ? outcomeUnknown(operation, error) : error.toDomainError();
    throw error;
  }
}

function outcomeOf(reply: ReturnType<typeof commitReply.parse>): CommitOutcome {
  switch (reply[0]) {
    case 'COMMITTED':
    case 'REPEATED':
      return { kind: reply[0], operation: decodeOperation(fieldsOf(reply[1]) ?? {}) };
    case 'NAME_TAKEN':
      return { kind: reply[0], containerId: reply[1] };
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
