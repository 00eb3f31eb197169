import { type OperationKind, progressAt } from '../domain/operation.js';
import type { NewOperation } from '../store/records.js';
import type { Call } from './call.js';

/** The journal entry of a change that a worker has yet to make. Its progress is there from the first reply. */
export function queuedOperation<
  Given extends Pick<NewOperation, 'id' | 'containerId' | 'revisionId'> & { readonly kind: OperationKind },
>(call: Call, operation: Given) {
  return { ...operation, createdBy: call.subject, progress: progressAt('ADMIT', 0), result: null };
}

/** The journal entry of a change that its own commit completes. */
export function doneOperation(
  call: Call,
  operation: Pick<NewOperation, 'id' | 'folderId' | 'containerId' | 'kind'> & Required<Pick<NewOperation, 'result'>>,
): NewOperation {
  return { ...operation, revisionId: null, createdBy: call.subject, progress: null };
}
