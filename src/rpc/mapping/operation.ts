import type { Any } from '../../../gen/ts/google/protobuf/any.js';
import { SetAccessBindingsMetadata, UpdateAccessBindingsMetadata } from '../../../gen/ts/longshore/access/v1/access.js';
import { Container } from '../../../gen/ts/longshore/containers/v1/container.js';
import {
  CreateContainerMetadata,
  DeleteContainerMetadata,
  DeployContainerRevisionMetadata,
  RollbackContainerMetadata,
  StartContainerMetadata,
  StopContainerMetadata,
  UpdateContainerMetadata,
} from '../../../gen/ts/longshore/containers/v1/container_service.js';
import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import type { Operation as OperationMessage } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { descriptionOf, type Operation, type OperationResult } from '../../domain/operation.js';
import { packAny, packEmpty } from '../any.js';
import { toRpcStatus } from '../status.js';
import type { Surface } from '../surfaces.js';
import { toContainer } from './container.js';
import { toProgress } from './progress.js';
import { toRevision } from './revision.js';
import { toDate } from './values.js';

/** The operation as a caller on `surface` reads it: the two surfaces differ in the type URLs of metadata and response only. */
export function toOperation(operation: Operation, surface: Surface): OperationMessage {
  return {
    id: operation.id,
    description: descriptionOf(operation),
    createdAt: toDate(operation.createdAt),
    createdBy: operation.createdBy,
    modifiedAt: toDate(operation.modifiedAt),
    done: operation.state === 'DONE',
    metadata: metadataOf(operation, surface),
    result: operation.result === null ? undefined : resultOf(operation.result, surface),
  };
}

/** There from the first reply: a known client panics without it. */
function metadataOf({ kind, containerId, revisionId, progress }: Operation, surface: Surface): Any {
  const made = progress ? toProgress(progress) : undefined;
  switch (kind) {
    case 'CREATE':
      return packAny(surface, CreateContainerMetadata, { containerId, progress: made });
    case 'UPDATE':
      return packAny(surface, UpdateContainerMetadata, { containerId });
    case 'DELETE':
      return packAny(surface, DeleteContainerMetadata, { containerId, progress: made });
    case 'DEPLOY':
      return packAny(surface, DeployContainerRevisionMetadata, {
        containerRevisionId: revisionId ?? '',
        progress: made,
      });
    case 'ROLLBACK':
      return packAny(surface, RollbackContainerMetadata, { containerId, revisionId: revisionId ?? '', progress: made });
    case 'STOP':
      return packAny(surface, StopContainerMetadata, { containerId, progress: made });
    case 'START':
      return packAny(surface, StartContainerMetadata, { containerId, progress: made });
    case 'SET_ACCESS_BINDINGS':
      return packAny(surface, SetAccessBindingsMetadata, { resourceId: containerId });
    case 'UPDATE_ACCESS_BINDINGS':
      return packAny(surface, UpdateAccessBindingsMetadata, { resourceId: containerId });
  }
}

function resultOf(result: OperationResult, surface: Surface): NonNullable<OperationMessage['result']> {
  switch (result.kind) {
    case 'ERROR':
      return { $case: 'error', value: toRpcStatus(result.failure) };
    case 'CONTAINER':
      return { $case: 'response', value: packAny(surface, Container, toContainer(result.container)) };
    case 'REVISION':
      return { $case: 'response', value: packAny(surface, Revision, toRevision(result.revision)) };
    case 'EMPTY':
      return { $case: 'response', value: packEmpty() };
  }
}
