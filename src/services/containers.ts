import type { Found } from '../domain/checks.js';
import { refuseIfAny } from '../domain/checks.js';
import type { Container, ContainerRecord } from '../domain/container.js';
import {
  type CreateDraft,
  checkContainerId,
  checkCreate,
  checkFolderId,
  readUpdate,
  type UpdateDraft,
} from '../domain/container-request.js';
import { containerView } from '../domain/container-view.js';
import { notFound } from '../domain/errors.js';
import { isId } from '../domain/ids.js';
import { CONTAINER_FIELDS, matches, type PageDraft, type PageRequest, readPage, required } from '../domain/listing.js';
import type { Operation } from '../domain/operation.js';
import type { CommitOutcome, ContainerIndex, Records } from '../store/records.js';
import type { Call } from './call.js';
import { accepted, beingDeleted, commitUnchanged, findRepeated } from './commit.js';
import type { ServiceDeps } from './deps.js';
import { idempotencyOf } from './idempotency.js';
import { listPage } from './list-page.js';
import { doneOperation, queuedOperation } from './new-operation.js';
import { makePageToken, readPageToken } from './page-token.js';

/** Items of one page and the token of the next; empty after the last one. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string;
}

export interface Containers {
  get(call: Call, containerId: string): Promise<Container>;
  list(call: Call, folderId: string, page: PageDraft): Promise<Listed<Container>>;
  create(call: Call, draft: CreateDraft): Promise<Operation>;
  update(call: Call, draft: UpdateDraft): Promise<Operation>;
  stop(call: Call, containerId: string): Promise<Operation>;
  start(call: Call, containerId: string): Promise<Operation>;
  delete(call: Call, containerId: string): Promise<Operation>;
}

type Deps = Pick<ServiceDeps, 'records' | 'authorizer' | 'urlOf' | 'newId'>;

/** Containers as wholes: what they are called and whether they run, not what. */
export function createContainers(deps: Deps): Containers {
  return {
    get: (call, containerId) => get(deps, call, containerId),
    list: (call, folderId, page) => list(deps, call, folderId, page),
    create: (call, draft) => create(deps, call, draft),
    update: (call, draft) => update(deps, call, draft),
    stop: (call, containerId) => submitSimple(deps, call, SIMPLE.STOP, containerId),
    start: (call, containerId) => submitSimple(deps, call, SIMPLE.START, containerId),
    delete: (call, containerId) => submitSimple(deps, call, SIMPLE.DELETE, containerId),
  };
}

/** Throws NOT_FOUND for what does not look like an id of ours: it is not looked up at all. */
export function checkIsContainerId(containerId: string): void {
  if (!isId('container', containerId)) throw notFound('container', containerId);
}

/** The record, or NOT_FOUND. */
export async function existingContainer(records: Records, containerId: string): Promise<ContainerRecord> {
  checkIsContainerId(containerId);
  const record = await records.container(containerId);
  if (record === null) throw notFound('container', containerId);
  return record;
}

async function get({ records, authorizer, urlOf }: Deps, call: Call, containerId: string): Promise<Container> {
  await authorizer.authorize(call, 'containers.get', { type: 'container', id: containerId });
  const found: Found = [];
  checkContainerId(found, containerId);
  refuseIfAny(found);
  return containerView(await existingContainer(records, containerId), urlOf(containerId));
}

async function list(deps: Deps, call: Call, folderId: string, draft: PageDraft): Promise<Listed<Container>> {
  await deps.authorizer.authorize(call, 'containers.list', { type: 'folder', id: folderId });
  const found: Found = [];
  checkFolderId(found, 'folder_id', folderId);
  const page = readPage(found, draft, CONTAINER_FIELDS);
  refuseIfAny(found);
  const args = ['containers', folderId, page.conditions];
  const index = indexFor(folderId, page);
  const { items, next } = await listPage({
    fetch: (after, limit) => deps.records.containers({ index, after, limit }),
    after: readPageToken(args, page.token),
    size: page.size,
    keep: (record) => matches(record, page.conditions, CONTAINER_FIELDS),
    signal: call.signal,
  });
  return {
    items: items.map((record) => containerView(record, deps.urlOf(record.id))),
    nextPageToken: next === null ? '' : makePageToken(args, next),
  };
}

/** A condition on the name leaves at most one container, one on the status a part of them. */
function indexFor(folderId: string, { conditions }: PageRequest): ContainerIndex {
  const name = required(conditions, 'name');
  if (name !== null) return { by: 'NAME', folderId, name };
  const status = CONTAINER_STATUS_OF[required(conditions, 'status') ?? ''];
  return status === undefined ? { by: 'FOLDER', folderId } : { by: 'STATUS', folderId, status };
}

const CONTAINER_STATUS_OF: Readonly<Record<string, ContainerRecord['status']>> = {
  CREATING: 'CREATING',
  ACTIVE: 'ACTIVE',
  DELETING: 'DELETING',
  ERROR: 'ERROR',
};

async function create({ records, authorizer, newId }: Deps, call: Call, draft: CreateDraft): Promise<Operation> {
  const { folderId, name, description, labels } = draft;
  await authorizer.authorize(call, 'containers.create', { type: 'folder', id: folderId });
  checkCreate(draft);
  const request = { folderId, name, description, labels };
  const idempotency = idempotencyOf(call, 'Create', request);
  call.throwIfEnded();
  const containerId = newId('container');
  const operation = queuedOperation(call, {
    id: newId('operation'),
    kind: 'CREATE',
    folderId,
    containerId,
    revisionId: null,
  });
  const outcome = await records.createContainer({ operation, idempotency, container: { id: containerId, ...request } });
  return accepted(outcome, { containerId, name });
}

async function update(deps: Deps, call: Call, draft: UpdateDraft): Promise<Operation> {
  const { records, authorizer, newId } = deps;
  const { containerId } = draft;
  await authorizer.authorize(call, 'containers.update', { type: 'container', id: containerId });
  const change = readUpdate(draft);
  const idempotency = idempotencyOf(call, 'Update', { containerId, change });
  const repeated = await findRepeated(records, idempotency);
  if (repeated !== null) return repeated;

  const operationId = newId('operation');
  let name = change.name ?? '';
  const round = async (): Promise<CommitOutcome> => {
    const record = await existingContainer(records, containerId);
    if (record.status === 'DELETING') throw beingDeleted(containerId);
    const { id, folderId, description, labels, version } = record;
    const container = { id, folderId, name: record.name, description, labels, ...change };
    name = container.name;
    const view = containerView({ ...record, ...container }, deps.urlOf(id));
    const result = { kind: 'CONTAINER', container: view } as const;
    const operation = doneOperation(call, { id: operationId, kind: 'UPDATE', folderId, containerId, result });
    call.throwIfEnded();
    return records.updateContainer({ operation, idempotency, container: { ...container, expectedVersion: version } });
  };
  const outcome = await commitUnchanged(round);
  return accepted(outcome, { containerId, name });
}

/** Changes that say all with the container's id. */
const SIMPLE = {
  STOP: { kind: 'STOP', method: 'Stop', permission: 'containers.stop' },
  START: { kind: 'START', method: 'Start', permission: 'containers.start' },
  DELETE: { kind: 'DELETE', method: 'Delete', permission: 'containers.delete' },
} as const;

async function submitSimple(
  { records, authorizer, newId }: Deps,
  call: Call,
  { kind, method, permission }: (typeof SIMPLE)[keyof typeof SIMPLE],
  containerId: string,
): Promise<Operation> {
  await authorizer.authorize(call, permission, { type: 'container', id: containerId });
  const found: Found = [];
  checkContainerId(found, containerId);
  refuseIfAny(found);
  const idempotency = idempotencyOf(call, method, { containerId });
  const repeated = await findRepeated(records, idempotency);
  if (repeated !== null) return repeated;

  checkIsContainerId(containerId);
  call.throwIfEnded();
  const operation = queuedOperation(call, { id: newId('operation'), kind, containerId, revisionId: null });
  return accepted(await records.submit({ operation, idempotency, revision: null }), { containerId });
}
