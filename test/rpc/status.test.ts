import { type ServiceError, status } from '@grpc/grpc-js';
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '../../gen/ts/google/rpc/error_details.js';
import { Status } from '../../gen/ts/google/rpc/status.js';
import { DomainError, type Failure } from '../../src/domain/errors.js';
import { toRpcStatus } from '../../src/rpc/status.js';
import { rawCall, type StubServer, startStubServer } from '../support/grpc-server.js';

const GET = '/longshore.containers.v1.ContainerService/Get';
let thrown: unknown;
let server: StubServer;
beforeAll(async () => {
  server = await startStubServer({ containers: { get: () => Promise.reject(thrown) } });
});
afterAll(() => server.close(1000));

/** What a caller gets when a handler throws. */
async function answerTo(error: unknown, requestId = 'req-1') {
  thrown = error;
  const answer = await rawCall(server.address, GET, Buffer.alloc(0), { metadata: { 'x-request-id': requestId } });
  return { ...answer, ...read(answer.error) };
}

function read(error: ServiceError | null) {
  const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
  if (error === null || !(bytes instanceof Buffer)) throw new Error('no status details came');
  const found = Status.decode(bytes);
  const details = new Map(
    found.details.map((any) => [any.typeUrl.replace('type.googleapis.com/google.rpc.', ''), any]),
  );
  const detail = <T>(name: string, type: { decode(bytes: Uint8Array): T }) => {
    const any = details.get(name);
    return any === undefined ? undefined : type.decode(any.value);
  };
  return { code: error.code, message: error.details, found, detail, names: [...details.keys()], bytes };
}

test('every detail of a failure arrives, trailers only', async () => {
  const failure: Failure = {
    code: 'FAILED_PRECONDITION',
    reason: 'NO_HOST_FITS',
    message: 'no host could ever run it',
    metadata: { hosts: '2' },
    fields: [{ field: 'gpus.count', description: 'more than any host has' }],
    preconditions: [{ type: 'HOST', subject: 'gpu-1', description: 'has 4 GPUs' }],
    quota: [{ subject: 'host:gpu-1', description: '4 GPUs' }],
    resource: { type: 'longshore/container', name: 'c1', description: 'the container' },
    retryAfterMs: 1500,
  };
  const answer = await answerTo(new DomainError(failure));
  expect(answer.header?.getMap() ?? {}).not.toHaveProperty('x-request-id');
  expect(answer.error?.metadata.get('x-request-id')).toEqual(['req-1']);
  expect([answer.code, answer.message]).toEqual([status.FAILED_PRECONDITION, failure.message]);
  expect(answer.found).toMatchObject({ code: status.FAILED_PRECONDITION, message: failure.message });
  expect(answer.detail('ErrorInfo', ErrorInfo)).toMatchObject({
    reason: 'NO_HOST_FITS',
    domain: 'longshore',
    metadata: new Map([['hosts', '2']]),
  });
  expect(answer.detail('BadRequest', BadRequest)?.fieldViolations).toMatchObject(failure.fields ?? []);
  expect(answer.detail('PreconditionFailure', PreconditionFailure)?.violations).toMatchObject(
    failure.preconditions ?? [],
  );
  expect(answer.detail('QuotaFailure', QuotaFailure)?.violations).toMatchObject(failure.quota ?? []);
  expect(answer.detail('ResourceInfo', ResourceInfo)).toMatchObject({
    resourceType: 'longshore/container',
    resourceName: 'c1',
  });
  expect(answer.detail('RetryInfo', RetryInfo)?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  expect(answer.detail('RequestInfo', RequestInfo)?.requestId).toBe('req-1');
});

test('a plain failure says its reason and the request, and no more', async () => {
  const answer = await answerTo(new DomainError({ code: 'ABORTED', reason: 'LOST_LEASE', message: 'again' }));
  expect(answer.names).toEqual(['ErrorInfo', 'RequestInfo']);
});

test('an unknown error is logged whole and answered opaque', async () => {
  const error = new Error('redis://:hunter2@10.0.0.1 is down');
  const answer = await answerTo(error, 'req-opaque');
  expect([answer.code, answer.message]).toEqual([status.INTERNAL, 'internal error']);
  expect(answer.bytes.toString('latin1')).not.toContain('hunter2');
  expect(answer.detail('RequestInfo', RequestInfo)?.requestId).toBe('req-opaque');
  expect(server.errors.at(-1)).toMatchObject({ err: error, requestId: 'req-opaque', code: 'INTERNAL' });
});

test.each([undefined, null, 'text', { code: 5, details: 'not ours' }])(
  'throwing %p is an unknown error too',
  async (value) => {
    expect(await answerTo(value)).toMatchObject({ code: status.INTERNAL, message: 'internal error' });
  },
);

test('a thousand violations fit into headers that every client accepts, and the first ones are kept', async () => {
  const fields = Array.from({ length: 1000 }, (_, at) => ({
    field: `labels.${at}`,
    description: 'not a label: '.repeat(3),
  }));
  const message = 'ä'.repeat(5000);
  const answer = await answerTo(new DomainError({ code: 'INVALID_ARGUMENT', reason: 'X', message, fields }));
  expect(answer.bytes.length).toBeLessThanOrEqual(4096);
  expect(encodeURI(answer.message).length).toBeLessThanOrEqual(3000);
  expect(answer.message).toMatch(/^ä+\.\.\.$/);
  expect(answer.detail('BadRequest', BadRequest)?.fieldViolations[0]?.field).toBe('labels.0');
});

test('one detail that alone is too long goes, the reason stays', async () => {
  const fields = [{ field: 'x', description: 'y'.repeat(10_000) }];
  const answer = await answerTo(new DomainError({ code: 'INVALID_ARGUMENT', reason: 'LONG', message: 'm', fields }));
  expect(answer.names).toEqual(['ErrorInfo', 'RequestInfo']);
});

test('text that is not well-formed does not break the answer', async () => {
  const answer = await answerTo(new DomainError({ code: 'NOT_FOUND', reason: 'X', message: 'half a pair: \ud83d' }));
  expect([answer.code, answer.message]).toEqual([status.NOT_FOUND, 'half a pair: \ufffd']);
});

test("an operation's error is the same status, without a request", () => {
  const found = toRpcStatus({ code: 'UNAVAILABLE', reason: 'HOST_UNREACHABLE', message: 'gpu-1 does not answer' });
  expect(found).toMatchObject({ code: status.UNAVAILABLE, message: 'gpu-1 does not answer' });
  expect(found.details.map((any) => any.typeUrl)).toEqual(['type.googleapis.com/google.rpc.ErrorInfo']);
});
