import { Container } from '../../gen/ts/longshore/containers/v1/container.js';
import {
  ContainerServiceService,
  type ListContainersRevisionsRequest,
  type UpdateContainerRequest,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import type { UpdateDraft } from '../domain/container-request.js';
import type { Operation as DomainOperation } from '../domain/operation.js';
import type { RevisionOwner } from '../services/revisions.js';
import type { Services } from '../services/services.js';
import type { CallContext } from './call-context.js';
import { fromSetBindings, fromUpdateBindings, toBinding } from './mapping/access.js';
import { toContainer } from './mapping/container.js';
import { fromDeploy } from './mapping/deploy.js';
import { toOperation } from './mapping/operation.js';
import { toRevision } from './mapping/revision.js';
import { fromMap } from './mapping/values.js';
import { type Handlers, type RpcService, rpcService } from './service.js';

type ContainerHandlers = Handlers<typeof ContainerServiceService>;

/** ContainerService: each method maps its message, calls one function of a service and maps what comes back. */
export function containersRpc(services: Services): RpcService {
  const handlers: ContainerHandlers = {
    ...containerHandlers(services),
    ...revisionHandlers(services),
    ...accessBindingHandlers(services),
    listOperations: async ({ containerId, ...page }, call) => {
      const { items, nextPageToken } = await services.operations.listOfContainer(call, containerId, page);
      return { operations: items.map((operation) => toOperation(operation, call.surface)), nextPageToken };
    },
  };
  const responses = { get: Container, create: Operation, deployRevision: Operation, rollback: Operation };
  return rpcService(ContainerServiceService, handlers, { responses });
}

function containerHandlers({
  containers,
}: Services): Pick<ContainerHandlers, 'get' | 'list' | 'create' | 'update' | 'stop' | 'start' | 'delete'> {
  return {
    get: async ({ containerId }, call) => toContainer(await containers.get(call, containerId)),
    list: async ({ folderId, ...page }, call) => {
      const { items, nextPageToken } = await containers.list(call, folderId, page);
      return { containers: items.map(toContainer), nextPageToken };
    },
    create: ({ labels, ...draft }, call) =>
      replied(call, containers.create(call, { ...draft, labels: fromMap(labels) })),
    update: (request, call) => replied(call, containers.update(call, fromUpdate(request))),
    stop: ({ containerId }, call) => replied(call, containers.stop(call, containerId)),
    start: ({ containerId }, call) => replied(call, containers.start(call, containerId)),
    delete: ({ containerId }, call) => replied(call, containers.delete(call, containerId)),
  };
}

function revisionHandlers({
  revisions,
}: Services): Pick<ContainerHandlers, 'deployRevision' | 'rollback' | 'getRevision' | 'listRevisions'> {
  return {
    deployRevision: (request, call) => replied(call, revisions.deploy(call, fromDeploy(request))),
    rollback: ({ containerId, revisionId }, call) => replied(call, revisions.rollback(call, containerId, revisionId)),
    getRevision: async ({ containerRevisionId }, call) => toRevision(await revisions.get(call, containerRevisionId)),
    listRevisions: async ({ id, ...page }, call) => {
      const { items, nextPageToken } = await revisions.list(call, ownerOf(id), page);
      return { revisions: items.map(toRevision), nextPageToken };
    },
  };
}

function accessBindingHandlers({
  accessBindings,
}: Services): Pick<ContainerHandlers, 'listAccessBindings' | 'setAccessBindings' | 'updateAccessBindings'> {
  return {
    listAccessBindings: async ({ resourceId, pageSize, pageToken }, call) => {
      const page = { pageSize, pageToken, filter: '' };
      const { items, nextPageToken } = await accessBindings.list(call, resourceId, page);
      return { accessBindings: items.map(toBinding), nextPageToken };
    },
    setAccessBindings: (request, call) => replied(call, accessBindings.set(call, fromSetBindings(request))),
    updateAccessBindings: (request, call) => replied(call, accessBindings.update(call, fromUpdateBindings(request))),
  };
}

async function replied(call: CallContext, accepted: Promise<DomainOperation>) {
  const operation = await accepted;
  const { id, containerId: container, revisionId: revision } = operation;
  call.concerns = { operation: id, container, revision };
  return toOperation(operation, call.surface);
}

function fromUpdate({ containerId, updateMask, name, description, labels }: UpdateContainerRequest): UpdateDraft {
  const paths = updateMask ?? [];
  return { containerId, mask: paths.length > 0 ? paths : null, name, description, labels: fromMap(labels) };
}

function ownerOf(id: ListContainersRevisionsRequest['id']): RevisionOwner | null {
  if (id === undefined) return null;
  return id.$case === 'folderId' ? { by: 'FOLDER', folderId: id.value } : { by: 'CONTAINER', containerId: id.value };
}
