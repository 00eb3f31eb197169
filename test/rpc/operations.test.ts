import { status } from '@grpc/grpc-js';
import { type Api, type Message, startApi } from '../support/api.js';
import { until } from '../support/until.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.close();
});

async function create(request: Message = {}, headers = {}) {
  const { longshore } = api;
  const operation = await longshore.ok('ContainerService.Create', { folder_id: 'default', ...request }, headers);
  return { operationId: String(operation.id), id: String(longshore.unpack(operation.metadata)?.container_id) };
}
const deploy = (id: string, headers = {}, request: Message = {}) =>
  api.longshore.call(
    'ContainerService.DeployRevision',
    { container_id: id, image_spec: { image_url: 'app' }, ...request },
    headers,
  );

test('an operation reads the same under both names but for its type URLs', async () => {
  const { operationId } = await create();
  const ours = await api.longshore.ok('OperationService.Get', { operation_id: operationId });
  const theirs = await api.yandex.ok('OperationService.Get', { operation_id: operationId });
  expect({ ...ours, metadata: null }).toEqual({ ...theirs, metadata: null });
  expect((ours.metadata as Message).type_url).toBe(
    'type.googleapis.com/longshore.containers.v1.CreateContainerMetadata',
  );
  expect((theirs.metadata as Message).type_url).toBe(
    'type.googleapis.com/yandex.cloud.serverless.containers.v1.CreateContainerMetadata',
  );
});

test('a wait ends with the operation', async () => {
  const { id, operationId } = await create();
  const waiting = api.longshore.ok('OperationService.Wait', { operation_id: operationId });
  await api.work(id);
  expect(await waiting).toMatchObject({ id: operationId, done: true, result: 'response' });
  expect(await api.longshore.ok('OperationService.Wait', { operation_id: operationId })).toMatchObject({ done: true });
});

test('a wait that is over before the operation returns it as it is', async () => {
  const { operationId } = await create();
  const wait = { operation_id: operationId, timeout: { seconds: 0, nanos: 1_000_000 } };
  expect(await api.longshore.ok('OperationService.Wait', wait)).toMatchObject({ id: operationId, done: false });
});

test('a queued operation is cancelled at once, and cancelling it again changes nothing', async () => {
  const { id } = await create();
  await api.work(id);
  const { response } = await deploy(id);
  const operation_id = response?.id;
  const cancelled = await api.longshore.ok('OperationService.Cancel', { operation_id });
  expect(cancelled).toMatchObject({ done: true, result: 'error', error: { code: status.CANCELLED } });
  expect(await api.longshore.ok('OperationService.Cancel', { operation_id })).toEqual(cancelled);
  expect(await api.longshore.ok('OperationService.Get', { operation_id })).toEqual(cancelled);
});

test('operations are listed by folder and by container, and filtered', async () => {
  const { id } = await create({ folder_id: 'ops' });
  const other = await create({ folder_id: 'ops' });
  await api.work(id);
  await deploy(id);
  const list = async (request: Message) => {
    const response = await api.longshore.ok('OperationService.List', { folder_id: 'ops', ...request });
    return (response.operations as readonly Message[]).map((operation) => operation.description);
  };
  expect(await list({})).toEqual(['Deploy revision', 'Create container', 'Create container']);
  expect(await list({ filter: 'done = true' })).toEqual(['Create container']);
  expect(await list({ filter: "created_by='anonymous' AND done=false" })).toEqual([
    'Deploy revision',
    'Create container',
  ]);
  expect(await list({ filter: "created_by='someone'" })).toEqual([]);
  expect(await list({ filter: `id = ${other.operationId}` })).toEqual(['Create container']);
  const ofOne = await api.yandex.ok('ContainerService.ListOperations', { container_id: id, page_size: 1 });
  expect(ofOne.operations).toMatchObject([{ description: 'Deploy revision' }]);
  const next = { container_id: id, page_size: 1, page_token: ofOne.next_page_token };
  const rest = await api.yandex.ok('ContainerService.ListOperations', next);
  expect(rest).toMatchObject({ operations: [{ description: 'Create container' }], next_page_token: '' });
});

describe('an idempotency key', () => {
  const key = (value: string) => ({ 'idempotency-key': value });

  test('gives the first operation again, in its present state, under both names', async () => {
    const first = await create({ name: 'once' }, key('create-once'));
    expect(await create({ name: 'once' }, key('create-once'))).toEqual(first);
    await api.work(first.id);
    const request = { folder_id: 'default', name: 'once' };
    const again = await api.yandex.ok('ContainerService.Create', request, { 'x-idempotency-key': 'create-once' });
    expect(again).toMatchObject({ id: first.operationId, done: true });
  });

  test('is judged on the request with its defaults', async () => {
    const { id } = await create();
    const first = await deploy(id, key('deploy'));
    const timeout = { execution_timeout: { seconds: 3600 }, runtime: { http: {} }, metadata_options: {} };
    expect((await deploy(id, key('deploy'), timeout)).response?.id).toBe(first.response?.id);
    const other = await deploy(id, key('deploy'), { concurrency: 1 });
    expect(other).toMatchObject({ error: { code: status.INVALID_ARGUMENT }, reason: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('outlives what it was about', async () => {
    const { id } = await create();
    await api.work(id);
    const update = { container_id: id, description: 'last' };
    const updated = await api.longshore.ok('ContainerService.Update', update, key('update-last'));
    const deployed = await deploy(id, key('deploy-last'));
    const gone = await api.longshore.ok('ContainerService.Delete', { container_id: id }, key('delete-last'));
    await api.work(id);
    expect(await api.longshore.ok('ContainerService.Update', update, key('update-last'))).toEqual(updated);
    const again = await api.longshore.ok('ContainerService.Delete', { container_id: id }, key('delete-last'));
    expect(again).toMatchObject({ id: gone.id, done: true, result: 'response' });
    const cancelled = await deploy(id, key('deploy-last'));
    expect(cancelled.response).toMatchObject({ id: deployed.response?.id, error: { code: status.CANCELLED } });
    expect((await deploy(id, key('new'))).reason).toBe('CONTAINER_NOT_FOUND');
  });

  test('belongs to one method, and reads ignore it', async () => {
    const { id } = await create({}, key('shared'));
    expect((await deploy(id, key('shared'))).error).toBeNull();
    expect((await api.longshore.call('ContainerService.Get', { container_id: id }, key('shared'))).error).toBeNull();
  });

  test('holds for requests at the same time', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => create({ folder_id: 'race' }, key('race'))));
    expect(new Set(made.map(({ operationId }) => operationId)).size).toBe(1);
    const list = await api.longshore.ok('ContainerService.List', { folder_id: 'race' });
    expect(list.containers).toHaveLength(1);
  });
});

test('without Redis calls say so quickly, and all goes on when it is back', async () => {
  const { id } = await create();
  await api.redis.kill();
  const refused = await api.longshore.call('ContainerService.Get', { container_id: id });
  expect(refused).toMatchObject({ error: { code: status.UNAVAILABLE }, reason: 'STORE_UNAVAILABLE' });
  expect(refused.details.has('google.rpc.RetryInfo')).toBe(true);
  await api.redis.start();
  const back = await until('the store answers again', async () => {
    const { response } = await api.longshore.call('ContainerService.Get', { container_id: id });
    return response ?? undefined;
  });
  expect(back).toMatchObject({ id });
});

test('who waits is answered when the server shuts down', async () => {
  const closing = await startApi();
  const operation = await closing.longshore.ok('ContainerService.Create', { folder_id: 'default' });
  const waiting = closing.longshore.call('OperationService.Wait', { operation_id: operation.id });
  // The server has the second call by the time it has answered a third on the same connection.
  await closing.longshore.ok('OperationService.Get', { operation_id: operation.id });
  await closing.close();
  expect((await waiting).response).toMatchObject({ id: operation.id, done: false });
});
