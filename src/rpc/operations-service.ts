import { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import { OperationServiceService } from '../../gen/ts/longshore/operation/v1/operation_service.js';
import { MAX_WAIT_MS, type Operations } from '../services/operations.js';
import { toOperation } from './mapping/operation.js';
import { type RpcService, rpcService } from './service.js';

/** Longer than the longest wait, so that a wait without a deadline of its caller's ends with an operation. */
const WAIT_DEADLINE_MS = MAX_WAIT_MS + 30_000;

/** OperationService. The Yandex name of it has Get and Cancel; List and Wait answer there as well. */
export function operationsRpc(operations: Operations): RpcService {
  return rpcService(
    OperationServiceService,
    {
      get: async ({ operationId }, call) => toOperation(await operations.get(call, operationId), call.surface),
      list: async ({ folderId, ...page }, call) => {
        const { items, nextPageToken } = await operations.list(call, folderId, page);
        return { operations: items.map((operation) => toOperation(operation, call.surface)), nextPageToken };
      },
      cancel: async ({ operationId }, call) => toOperation(await operations.cancel(call, operationId), call.surface),
      wait: async ({ operationId, timeout }, call) =>
        toOperation(await operations.wait(call, operationId, timeout ?? null), call.surface),
    },
    { deadlines: { wait: WAIT_DEADLINE_MS }, responses: { get: Operation, cancel: Operation, wait: Operation } },
  );
}
