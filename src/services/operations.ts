import { type Found, type RawDuration, readDuration, refuseIfAny } from '../domain/checks.js';
import { checkContainerId, checkFolderId, checkId } from '../domain/container-request.js';
import { notFound } from '../domain/errors.js';
import { isId } from '../domain/ids.js';
import { matches, OPERATION_FIELDS, type PageDraft, type PageRequest, readPage, required } from '../domain/listing.js';
import type { Operation } from '../domain/operation.js';
import type { OperationIndex } from '../store/records.js';
import type { Call } from './call.js';
import { existingContainer, type Listed } from './containers.js';
import type { ServiceDeps } from './deps.js';
import { listPage } from './list-page.js';
import { makePageToken, readPageToken } from './page-token.js';

export interface Operations {
  get(call: Call, operationId: string): Promise<Operation>;
  list(call: Call, folderId: string, page: PageDraft): Promise<Listed<Operation>>;
  listOfContainer(call: Call, containerId: string, page: PageDraft): Promise<Listed<Operation>>;
  cancel(call: Call, operationId: string): Promise<Operation>;
  /** `timeout` null: as long as the call's deadline and MAX_WAIT_MS allow. */
  wait(call: Call, operationId: string, timeout: RawDuration | null): Promise<Operation>;
}

/** A longer wait is answered after this time, with the operation as it is then. */
export const MAX_WAIT_MS = 600_000;
/** How long before the call's deadline a wait is answered, so that the caller gets an operation and not DEADLINE_EXCEEDED. */
const ANSWER_EARLIER_MS = 500;
const LONGEST_TIMEOUT_MS = 315_576_000_000_000;

type Deps = Pick<ServiceDeps, 'records' | 'watch' | 'authorizer' | 'clock'>;

/** The journal of changes, as callers read it. */
export function createOperations(deps: Deps): Operations {
  return {
    get: (call, operationId) => get(deps, call, operationId),
    list: (call, folderId, page) => listOfFolder(deps, call, folderId, page),
    listOfContainer: (call, containerId, page) => listOfContainer(deps, call, containerId, page),
    cancel: (call, operationId) => cancel(deps, call, operationId),
    wait: (call, operationId, timeout) => wait(deps, call, operationId, timeout),
  };
}

async function get({ records, authorizer }: Deps, call: Call, operationId: string): Promise<Operation> {
  await authorizer.authorize(call, 'operations.get', { type: 'operation', id: operationId });
  checkOperationId([], operationId);
  return existing(operationId, await records.operation(operationId));
}

async function cancel({ records, authorizer }: Deps, call: Call, operationId: string): Promise<Operation> {
  await authorizer.authorize(call, 'operations.cancel', { type: 'operation', id: operationId });
  checkOperationId([], operationId);
  call.throwIfEnded();
  return existing(operationId, await records.cancel(operationId));
}

async function wait(deps: Deps, call: Call, operationId: string, timeout: RawDuration | null): Promise<Operation> {
  const { records, watch, authorizer, clock } = deps;
  await authorizer.authorize(call, 'operations.get', { type: 'operation', id: operationId });
  const found: Found = [];
  const asked = timeout === null ? MAX_WAIT_MS : readDuration(found, 'timeout', timeout, 0, LONGEST_TIMEOUT_MS);
  checkOperationId(found, operationId);
  const left = call.deadline - clock() - ANSWER_EARLIER_MS;
  const timeoutMs = Math.max(0, Math.min(asked, MAX_WAIT_MS, left));
  try {
    return existing(operationId, await watch.wait(operationId, timeoutMs, call.waiting));
  } catch (error) {
    if (!call.waiting.aborted) throw error;
    call.throwIfEnded();
    return existing(operationId, await records.operation(operationId));
  }
}

/** Throws INVALID_ARGUMENT with what was found before as well, or NOT_FOUND for what cannot be an id of ours. */
function checkOperationId(found: Found, operationId: string): void {
  checkId(found, 'operation_id', operationId);
  refuseIfAny(found);
  if (!isId('operation', operationId)) throw notFound('operation', operationId);
}

function existing(operationId: string, operation: Operation | null): Operation {
  if (operation === null) throw notFound('operation', operationId);
  return operation;
}

async function listOfFolder(deps: Deps, call: Call, folderId: string, draft: PageDraft): Promise<Listed<Operation>> {
  await deps.authorizer.authorize(call, 'operations.list', { type: 'folder', id: folderId });
  const found: Found = [];
  checkFolderId(found, 'folder_id', folderId);
  const page = readPage(found, draft, OPERATION_FIELDS);
  refuseIfAny(found);
  return list(deps, call, { by: 'FOLDER', folderId }, page);
}

async function listOfContainer(
  deps: Deps,
  call: Call,
  containerId: string,
  draft: PageDraft,
): Promise<Listed<Operation>> {
  await deps.authorizer.authorize(call, 'operations.list', { type: 'container', id: containerId });
  const found: Found = [];
  checkContainerId(found, containerId);
  const page = readPage(found, draft, OPERATION_FIELDS);
  refuseIfAny(found);
  await existingContainer(deps.records, containerId);
  return list(deps, call, { by: 'CONTAINER', containerId }, page);
}

async function list(deps: Deps, call: Call, owner: OperationIndex, page: PageRequest): Promise<Listed<Operation>> {
  const { conditions } = page;
  const args = ['operations', owner, conditions];
  const done = required(conditions, 'done');
  const index = done === null ? owner : { ...owner, done: done === 'true' };
  const { items, next } = await listPage({
    fetch: (after, limit) => deps.records.operations({ index, after, limit }),
    after: readPageToken(args, page.token),
    size: page.size,
    keep: (operation) => matches(operation, conditions, OPERATION_FIELDS),
    signal: call.signal,
  });
  return { items, nextPageToken: next === null ? '' : makePageToken(args, next) };
}
