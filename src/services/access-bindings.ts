import { type AccessBinding, applyDeltas } from '../domain/access.js';
import {
  checkSetBindings,
  MAX_BINDINGS,
  readDeltas,
  type SetBindingsDraft,
  type UpdateBindingsDraft,
} from '../domain/access-request.js';
import { type Found, refuseIfAny } from '../domain/checks.js';
import { checkId } from '../domain/container-request.js';
import { DomainError, notFound } from '../domain/errors.js';
import { isId } from '../domain/ids.js';
import { type PageDraft, readPage } from '../domain/listing.js';
import type { Operation } from '../domain/operation.js';
import type { CommitOutcome, Idempotency } from '../store/records.js';
import type { Call } from './call.js';
import { accepted, beingDeleted, commitUnchanged, findRepeated } from './commit.js';
import { existingContainer, type Listed } from './containers.js';
import type { ServiceDeps } from './deps.js';
import { idempotencyOf } from './idempotency.js';
import { doneOperation } from './new-operation.js';
import { makePageToken, readPageToken } from './page-token.js';

export interface AccessBindings {
  list(call: Call, containerId: string, page: PageDraft): Promise<Listed<AccessBinding>>;
  set(call: Call, draft: SetBindingsDraft): Promise<Operation>;
  update(call: Call, draft: UpdateBindingsDraft): Promise<Operation>;
}

type Deps = Pick<ServiceDeps, 'records' | 'authorizer' | 'newId'>;

/** Who has which role on a container: a set, in the order in which it was given. */
export function createAccessBindings(deps: Deps): AccessBindings {
  return {
    list: (call, containerId, page) => list(deps, call, containerId, page),
    set: (call, draft) => set(deps, call, draft),
    update: (call, draft) => update(deps, call, draft),
  };
}

async function list(deps: Deps, call: Call, containerId: string, draft: PageDraft): Promise<Listed<AccessBinding>> {
  await deps.authorizer.authorize(call, 'containers.listAccessBindings', { type: 'container', id: containerId });
  const found: Found = [];
  checkId(found, 'resource_id', containerId);
  const page = readPage(found, draft, {});
  refuseIfAny(found);
  const args = ['access bindings', containerId];
  const start = Number(readPageToken(args, page.token) ?? 0);
  const { bindings } = await existingBindings(deps, containerId);
  const end = start + page.size;
  return {
    items: bindings.slice(start, end),
    nextPageToken: end < bindings.length ? makePageToken(args, String(end)) : '',
  };
}

async function set({ records, authorizer, newId }: Deps, call: Call, draft: SetBindingsDraft): Promise<Operation> {
  const { containerId } = draft;
  await authorizer.authorize(call, 'containers.setAccessBindings', { type: 'container', id: containerId });
  checkSetBindings(draft);
  const bindings = applyDeltas(
    [],
    draft.bindings.map((binding) => ({ action: 'ADD', binding })),
  );
  const change = { containerId, kind: 'SET_ACCESS_BINDINGS', operationId: newId('operation') } as const;
  const idempotency = idempotencyOf(call, 'SetAccessBindings', { containerId, bindings });
  return replace({ records, authorizer, newId }, call, change, idempotency, () => bindings);
}

async function update(deps: Deps, call: Call, draft: UpdateBindingsDraft): Promise<Operation> {
  const { containerId } = draft;
  await deps.authorizer.authorize(call, 'containers.setAccessBindings', { type: 'container', id: containerId });
  const deltas = readDeltas(draft);
  const change = { containerId, kind: 'UPDATE_ACCESS_BINDINGS', operationId: deps.newId('operation') } as const;
  const idempotency = idempotencyOf(call, 'UpdateAccessBindings', { containerId, deltas });
  return replace(deps, call, change, idempotency, (present) => {
    const bindings = applyDeltas(present, deltas);
    if (bindings.length > MAX_BINDINGS) throw tooMany(containerId, bindings.length);
    return bindings;
  });
}

interface Change {
  readonly containerId: string;
  readonly kind: 'SET_ACCESS_BINDINGS' | 'UPDATE_ACCESS_BINDINGS';
  readonly operationId: string;
}

async function replace(
  deps: Deps,
  call: Call,
  { containerId, kind, operationId }: Change,
  idempotency: Idempotency | null,
  next: (present: readonly AccessBinding[]) => readonly AccessBinding[],
): Promise<Operation> {
  const { records } = deps;
  const repeated = await findRepeated(records, idempotency);
  if (repeated !== null) return repeated;
  const round = async (): Promise<CommitOutcome> => {
    const { folderId, status } = await existingContainer(records, containerId);
    if (status === 'DELETING') throw beingDeleted(containerId);
    const present = await existingBindings(deps, containerId);
    const result = { kind: 'EMPTY' } as const;
    const operation = doneOperation(call, { id: operationId, kind, folderId, containerId, result });
    const bindings = next(present.bindings);
    call.throwIfEnded();
    return records.setAccessBindings({ operation, idempotency, expectedVersion: present.version, bindings });
  };
  return accepted(await commitUnchanged(round), { containerId });
}

async function existingBindings({ records }: Deps, containerId: string) {
  const present = isId('container', containerId) ? await records.accessBindings(containerId) : null;
  if (present === null) throw notFound('container', containerId);
  return present;
}

function tooMany(containerId: string, count: number): DomainError {
  const description = `a container has at most ${MAX_BINDINGS} access bindings; this would make ${count}`;
  return new DomainError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'TOO_MANY_ACCESS_BINDINGS',
    message: description,
    quota: [{ subject: `container/${containerId}`, description }],
  });
}
