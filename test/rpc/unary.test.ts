import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { Container, Container_Status } from '../../gen/ts/longshore/containers/v1/container.js';
import { GetContainerRequest } from '../../gen/ts/longshore/containers/v1/container_service.js';
import type { DomainError } from '../../src/domain/errors.js';
import type { CallContext } from '../../src/rpc/call-context.js';
import { rawCall, type StubServer, same, startStubServer } from '../support/grpc-server.js';
import { until } from '../support/until.js';

const OURS = '/longshore.containers.v1.ContainerService/';
const THEIRS = '/yandex.cloud.serverless.containers.v1.ContainerService/';
const NOTHING = Buffer.alloc(0);

const seen: CallContext[] = [];
let server: StubServer;
beforeAll(async () => {
  server = await startStubServer({
    containers: {
      get: async ({ containerId }, context) => {
        seen.push(context);
        return Container.fromPartial({ id: containerId, status: 77 as Container_Status });
      },
      // Never answers, and does not heed its signal.
      list: (_request, context) => {
        seen.push(context);
        return new Promise(() => undefined);
      },
      delete: (_request, context) => {
        seen.push(context);
        return new Promise(() => undefined);
      },
      // Answers with what is no message.
      getRevision: async () => ({ labels: 5 }) as never,
    },
    deadlines: { get: 5000 },
  });
});
afterAll(() => server.close(0));
beforeEach(() => {
  seen.length = 0;
});

const get = (path: string, metadata: Record<string, string> = {}) =>
  rawCall(server.address, `${path}Get`, GetContainerRequest.encode({ containerId: 'c1' }).finish(), { metadata });

test.each([
  [OURS, 'longshore'],
  [THEIRS, 'yandex'],
])('%s is answered by the same handler, which knows the surface', async (path, surface) => {
  const { error, bytes } = await get(path);
  expect(error).toBeNull();
  expect(Container.decode(bytes)).toMatchObject({ id: 'c1', status: 77 });
  expect(seen.map((context) => context.surface.name)).toEqual([surface]);
  expect(server.calls.at(-1)).toMatchObject({ surface, method: `${path}Get`, code: 'OK' });
});

test.each(['x-request-id', 'x-client-request-id'])('%s is taken over and comes back', async (key) => {
  const { header } = await get(OURS, { [key]: 'their-id' });
  expect(header?.get('x-request-id')).toEqual(['their-id']);
  expect(seen[0]?.requestId).toBe('their-id');
});

test.each(['', 'with space', 'x'.repeat(129)])('the request id %p is replaced', async (given) => {
  const { header } = await get(OURS, { 'x-request-id': given });
  expect(header?.get('x-request-id')[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(header?.get('x-request-id')[0]).toBe(seen[0]?.requestId);
});

test.each([
  [{ 'idempotency-key': 'k1' }, 'k1'],
  [{ 'x-idempotency-key': 'k2' }, 'k2'],
  [{ 'idempotency-key': 'k1', 'x-idempotency-key': 'k2' }, 'k1'],
  [{}, null],
])('the idempotency key in %p is %p', async (metadata, key) => {
  await get(OURS, metadata);
  expect(seen.map((context) => context.idempotencyKey)).toEqual([key]);
});

test('an idempotency key that is too long is refused, not ignored', async () => {
  const { error } = await get(OURS, { 'idempotency-key': 'k'.repeat(257) });
  expect(error?.code).toBe(status.INVALID_ARGUMENT);
  expect(seen).toEqual([]);
});

test('without a certificate authority, everybody is anonymous', async () => {
  await get(OURS);
  expect(seen[0]?.subject).toBe('anonymous');
});

test("bytes that are no message are the caller's fault", async () => {
  const { error } = await rawCall(server.address, `${OURS}Get`, Buffer.from([0x0a, 0xff]));
  expect(error?.code).toBe(status.INVALID_ARGUMENT);
});

test('a response that cannot be coded is our fault, logged and opaque', async () => {
  const { error } = await rawCall(server.address, `${OURS}GetRevision`, NOTHING);
  expect([error?.code, error?.details]).toEqual([status.INTERNAL, 'internal error']);
  expect(server.errors.at(-1)).toMatchObject({ method: `${OURS}GetRevision`, err: expect.any(Error) });
});

test('a message beyond the limit is refused', async () => {
  const bytes = GetContainerRequest.encode({ containerId: 'x'.repeat(4 * 1024 * 1024) }).finish();
  const { error } = await rawCall(server.address, `${OURS}Get`, bytes);
  expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
});

test('an unknown method is UNIMPLEMENTED', async () => {
  const { error } = await rawCall(server.address, `${OURS}Start`, NOTHING);
  expect(error?.code).toBe(status.UNIMPLEMENTED);
});

test("the caller's deadline aborts the signal, and the call ends", async () => {
  const deadline = Date.now() + 300;
  const { error } = await rawCall(server.address, `${OURS}List`, NOTHING, { deadline });
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  await until('the signal is aborted', () => seen[0]?.signal.aborted === true);
  expect((seen[0]?.signal.reason as DomainError).failure.code).toBe('DEADLINE_EXCEEDED');
  await until('it is counted', () => server.calls.at(-1)?.code === 'DEADLINE_EXCEEDED');
});

test('a call without a deadline gets the default of its method', async () => {
  await get(OURS);
  const left = (seen[0]?.deadline ?? 0) - Date.now();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(5000);
});

test('the default deadline ends a call whose handler never answers', async () => {
  const impatient = await startStubServer({
    containers: { get: () => new Promise(() => undefined) },
    deadlines: { get: 50 },
  });
  try {
    const { error } = await rawCall(impatient.address, `${OURS}Get`, NOTHING);
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(error?.metadata.get('grpc-status-details-bin')).toHaveLength(1);
  } finally {
    await impatient.close(1000);
  }
});

test('a caller who leaves aborts the signal', async () => {
  const client = new Client(server.address, credentials.createInsecure());
  const call = client.makeUnaryRequest(`${OURS}Delete`, same, same, NOTHING, new Metadata(), {}, () => undefined);
  await until('the call is there', () => seen.length === 1);
  expect(seen[0]?.signal.aborted).toBe(false);
  call.cancel();
  await until('the signal is aborted', () => seen[0]?.signal.aborted === true);
  expect((seen[0]?.signal.reason as DomainError).failure.code).toBe('CANCELLED');
  client.close();
});

test('the signal of a call that was answered is never aborted', async () => {
  await get(OURS);
  const again = await get(OURS);
  expect(again.error).toBeNull();
  expect(seen[0]?.signal.aborted).toBe(false);
});
