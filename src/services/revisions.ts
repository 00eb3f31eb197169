import { type Found, refuseIfAny } from '../domain/checks.js';
import { checkContainerId, checkFolderId, checkId } from '../domain/container-request.js';
import { type DeployDraft, type DeployRequest, readDeploy } from '../domain/deploy-request.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { HostRecord } from '../domain/host.js';
import { isId } from '../domain/ids.js';
import { matches, type PageDraft, type PageRequest, REVISION_FIELDS, readPage, required } from '../domain/listing.js';
import type { Operation } from '../domain/operation.js';
import type { Revision, RevisionSpec } from '../domain/revision.js';
import { noSuitableHost } from '../scheduler/no-suitable-host.js';
import { admit } from '../scheduler/place.js';
import type { NotPlaced } from '../scheduler/placement.js';
import type { Records, RevisionIndex } from '../store/records.js';
import type { Call } from './call.js';
import { accepted, beingDeleted, findRepeated } from './commit.js';
import { checkIsContainerId, existingContainer, type Listed } from './containers.js';
import type { ServiceDeps } from './deps.js';
import { idempotencyOf } from './idempotency.js';
import { listPage } from './list-page.js';
import { queuedOperation } from './new-operation.js';
import { makePageToken, readPageToken } from './page-token.js';

/** Whose revisions are listed. */
export type RevisionOwner =
  | { readonly by: 'FOLDER'; readonly folderId: string }
  | { readonly by: 'CONTAINER'; readonly containerId: string };

export interface Revisions {
  deploy(call: Call, draft: DeployDraft): Promise<Operation>;
  rollback(call: Call, containerId: string, revisionId: string): Promise<Operation>;
  get(call: Call, revisionId: string): Promise<Revision>;
  /** `owner` is null where the request named none. */
  list(call: Call, owner: RevisionOwner | null, page: PageDraft): Promise<Listed<Revision>>;
}

type Deps = Pick<ServiceDeps, 'records' | 'authorizer' | 'newId'>;

/** What containers run. */
export function createRevisions(deps: Deps): Revisions {
  return {
    deploy: (call, draft) => deploy(deps, call, draft),
    rollback: (call, containerId, revisionId) => rollback(deps, call, containerId, revisionId),
    get: (call, revisionId) => get(deps, call, revisionId),
    list: (call, owner, page) => list(deps, call, owner, page),
  };
}

async function deploy(deps: Deps, call: Call, draft: DeployDraft): Promise<Operation> {
  const { records, authorizer, newId } = deps;
  await authorizer.authorize(call, 'containers.deploy', { type: 'container', id: draft.containerId });
  const request = readDeploy(draft);
  const { containerId, description, spec } = request;
  const idempotency = idempotencyOf(call, 'DeployRevision', request);
  const repeated = await findRepeated(records, idempotency);
  if (repeated !== null) return repeated;

  checkIsContainerId(containerId);
  await checkPossible(records, request);
  const revisionId = newId('revision');
  const operation = queuedOperation(call, { id: newId('operation'), kind: 'DEPLOY', containerId, revisionId });
  call.throwIfEnded();
  const revision = { id: revisionId, containerId, description, spec };
  return accepted(await records.submit({ operation, idempotency, revision }), { containerId });
}

/** Hosts of a moment ago are good enough to let a request in: it might have come a moment ago. Nobody is refused by them. */
const RECENT_MS = 1_000;

/** What no host could ever satisfy fails at once, host by host. What is wrong with the container is said before that. */
async function checkPossible(records: Records, { containerId, spec }: DeployRequest): Promise<void> {
  const recent = await records.hosts(RECENT_MS);
  if (recent.length > 0 && impossible(recent, spec) === null) return;
  const [{ status }, hosts] = await Promise.all([existingContainer(records, containerId), records.hosts(0)]);
  if (status === 'DELETING') throw beingDeleted(containerId);
  const refused = impossible(hosts, spec);
  if (refused !== null) throw new DomainError(noSuitableHost(refused));
}

/** With no host known yet, waiting for one is all that can be done. */
function impossible(hosts: readonly HostRecord[], { gpus, resources, runtime }: RevisionSpec): NotPlaced | null {
  if (hosts.length === 0) return null;
  return admit({ gpus, resources, needsPort: runtime === 'HTTP', imageHosts: null }, hosts);
}

async function rollback(deps: Deps, call: Call, containerId: string, revisionId: string): Promise<Operation> {
  const { records, authorizer, newId } = deps;
  await authorizer.authorize(call, 'containers.rollback', { type: 'container', id: containerId });
  const found: Found = [];
  checkContainerId(found, containerId);
  checkId(found, 'revision_id', revisionId);
  refuseIfAny(found);
  const idempotency = idempotencyOf(call, 'Rollback', { containerId, revisionId });
  const repeated = await findRepeated(records, idempotency);
  if (repeated !== null) return repeated;

  const { status } = await existingContainer(records, containerId);
  if (status === 'DELETING') throw beingDeleted(containerId);
  const revision = await existingRevision(records, revisionId);
  if (revision.containerId !== containerId) throw notFound('revision', revisionId);
  if (revision.status === 'CREATING') throw notDeployed(revisionId);
  call.throwIfEnded();
  const operation = queuedOperation(call, { id: newId('operation'), kind: 'ROLLBACK', containerId, revisionId });
  return accepted(await records.submit({ operation, idempotency, revision: null }), { containerId, revisionId });
}

function notDeployed(revisionId: string): DomainError {
  const description = `revision ${revisionId} is still being deployed`;
  return new DomainError({
    code: 'FAILED_PRECONDITION',
    reason: 'REVISION_NOT_DEPLOYED',
    message: description,
    preconditions: [{ type: 'REVISION_STATUS', subject: `revision/${revisionId}`, description }],
  });
}

async function existingRevision(records: Records, revisionId: string): Promise<Revision> {
  const revision = isId('revision', revisionId) ? await records.revision(revisionId) : null;
  if (revision === null) throw notFound('revision', revisionId);
  return revision;
}

async function get({ records, authorizer }: Deps, call: Call, revisionId: string): Promise<Revision> {
  await authorizer.authorize(call, 'containers.get', { type: 'revision', id: revisionId });
  const found: Found = [];
  checkId(found, 'container_revision_id', revisionId);
  refuseIfAny(found);
  return existingRevision(records, revisionId);
}

async function list(deps: Deps, call: Call, owner: RevisionOwner | null, draft: PageDraft): Promise<Listed<Revision>> {
  const { records, authorizer } = deps;
  const resource =
    owner?.by === 'CONTAINER'
      ? ({ type: 'container', id: owner.containerId } as const)
      : ({ type: 'folder', id: owner?.folderId ?? '' } as const);
  await authorizer.authorize(call, 'containers.get', resource);
  const found: Found = [];
  checkOwner(found, owner);
  const page = readPage(found, draft, REVISION_FIELDS);
  refuseIfAny(found);
  if (owner === null) throw new Error('a list without an owner was let through');
  if (owner.by === 'CONTAINER') await existingContainer(records, owner.containerId);
  const args = ['revisions', owner, page.conditions];
  const index = indexFor(owner, page);
  const { items, next } = await listPage({
    fetch: (after, limit) => records.revisions({ index, after, limit }),
    after: readPageToken(args, page.token),
    size: page.size,
    keep: (revision) => matches(revision, page.conditions, REVISION_FIELDS),
    signal: call.signal,
  });
  return { items, nextPageToken: next === null ? '' : makePageToken(args, next) };
}

function checkOwner(found: Found, owner: RevisionOwner | null): void {
  if (owner === null) found.push({ field: 'id', description: 'folder_id or container_id is required' });
  else if (owner.by === 'CONTAINER') checkContainerId(found, owner.containerId);
  else checkFolderId(found, 'folder_id', owner.folderId);
}

/** One that is being deployed may still fail, and what failed is not listed: neither is it, then. */
function indexFor(owner: RevisionOwner, { conditions }: PageRequest): RevisionIndex {
  const status = required(conditions, 'status');
  return status === 'ACTIVE' || status === 'OBSOLETE' ? { ...owner, status } : owner;
}
