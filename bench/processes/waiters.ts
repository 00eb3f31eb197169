import { readFileSync } from 'node:fs';
import { WaitOperationRequest } from '../../gen/ts/longshore/operation/v1/operation_service.js';
import { grpcFrame } from '../load/grpc-frame.js';
import { grpcCall, openSession } from '../load/http2-call.js';

/*
 * waiters ADDRESS FILE: as many clients as FILE has lines, each with a connection of its own, each in OperationService.Wait on the operation of its
 * line. Prints {} when all have asked, and when all were answered a second line: the time of each answer on the machine's monotonic clock, in
 * milliseconds, by operation. Connections stay open until the process is ended: a server that closes a thousand at once answers nobody meanwhile.
 */

const PATH = '/longshore.operation.v1.OperationService/Wait';
const TIMEOUT = { seconds: 500n, nanos: 0 };
const [address = '', file = ''] = process.argv.slice(2);
const operations = readFileSync(file, 'utf8').split('\n');
const clients = await Promise.all(
  operations.map(async (operationId) => ({ operationId, session: await openSession(address) })),
);
const answeredAt: Record<string, number> = {};
const waits = clients.map(({ operationId, session }) => {
  const request = WaitOperationRequest.encode({ operationId, timeout: TIMEOUT }).finish();
  return grpcCall(session, PATH, grpcFrame(request), () => {
    answeredAt[operationId] = Number(process.hrtime.bigint()) / 1e6;
  });
});
process.stdout.write('{}\n');
await Promise.all(waits);
process.stdout.write(`${JSON.stringify(answeredAt)}\n`);
