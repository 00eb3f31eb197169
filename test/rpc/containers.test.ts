import { status } from '@grpc/grpc-js';
import { type Api, type Message, type Surface, startApi, urlOf } from '../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.close();
});

const created = async (surface: Surface, request: Message) => {
  const operation = await surface.ok('ContainerService.Create', request);
  return { operation, id: String(surface.unpack(operation.metadata)?.container_id) };
};

describe.each(['longshore', 'yandex'] as const)('under the names of %s', (name) => {
  let surface: Surface;
  const folder = `folder-${name}`;
  beforeAll(() => {
    surface = api[name];
  });

  test('a container is created, read, changed, listed and deleted', async () => {
    const { operation, id } = await created(surface, { folder_id: folder, name: 'web', labels: { team: 'a' } });
    expect(operation).toMatchObject({ description: 'Create container', created_by: 'anonymous', done: false });
    expect(operation.created_at).not.toBeNull();
    expect(operation.modified_at).not.toBeNull();
    expect(await surface.ok('ContainerService.Get', { container_id: id })).toMatchObject({ status: 'CREATING' });

    await api.work(id);
    const done = await surface.ok('OperationService.Get', { operation_id: operation.id });
    expect(done).toMatchObject({ done: true, result: 'response' });
    expect(surface.unpack(done.response)).toMatchObject({ id, name: 'web', status: 'ACTIVE', url: urlOf(id) });

    const mask = { container_id: id, update_mask: { paths: ['description'] }, name: 'ignored', description: 'new' };
    const changed = await surface.ok('ContainerService.Update', mask);
    expect(changed).toMatchObject({ description: 'Update container', done: true });
    expect(surface.unpack(changed.metadata)).toMatchObject({ container_id: id });
    const after = { id, name: 'web', description: 'new', labels: { team: 'a' } };
    expect(surface.unpack(changed.response)).toMatchObject(after);
    expect(await surface.ok('ContainerService.Get', { container_id: id })).toMatchObject(after);

    await surface.ok('ContainerService.Update', { container_id: id, name: 'api' });
    const whole = await surface.ok('ContainerService.Get', { container_id: id });
    expect(whole).toMatchObject({ name: 'api', description: '', labels: {} });
    const page = await surface.ok('ContainerService.List', { folder_id: folder, filter: 'name = "api"' });
    expect(page).toMatchObject({ containers: [{ id }], next_page_token: '' });

    const gone = await surface.ok('ContainerService.Delete', { container_id: id });
    expect(gone).toMatchObject({ description: 'Delete container', done: false });
    const refused = await surface.call('ContainerService.Update', { container_id: id, name: 'late' });
    expect(refused).toMatchObject({ error: { code: status.FAILED_PRECONDITION }, reason: 'CONTAINER_DELETING' });
    expect(refused.details.has('google.rpc.PreconditionFailure')).toBe(true);
    await api.work(id);
    const ended = await surface.ok('OperationService.Get', { operation_id: gone.id });
    expect(ended).toMatchObject({ done: true, response: { type_url: 'type.googleapis.com/google.protobuf.Empty' } });
    const missing = await surface.call('ContainerService.Get', { container_id: id });
    expect(missing).toMatchObject({ error: { code: status.NOT_FOUND }, reason: 'CONTAINER_NOT_FOUND' });
  });

  test('access bindings hold when the call returns', async () => {
    const { id } = await created(surface, { folder_id: folder });
    const everybody = { role_id: 'serverless.containers.invoker', subject: { id: 'allUsers', type: 'system' } };
    const bob = { role_id: 'admin', subject: { id: 'bob', type: 'userAccount' } };
    const set = { resource_id: id, access_bindings: [everybody, bob, everybody] };
    const operation = await surface.ok('ContainerService.SetAccessBindings', set);
    expect(operation).toMatchObject({ description: 'Set access bindings', done: true, result: 'response' });
    expect(surface.unpack(operation.metadata)).toMatchObject({ resource_id: id });
    expect(surface.unpack(operation.response)).toEqual({});
    const listed = () => surface.ok('ContainerService.ListAccessBindings', { resource_id: id });
    expect(await listed()).toEqual({ access_bindings: [everybody, bob], next_page_token: '' });

    const eve = { role_id: 'admin', subject: { id: 'eve', type: 'userAccount' } };
    const deltas = [
      { action: 'REMOVE', access_binding: everybody },
      { action: 'ADD', access_binding: eve },
    ];
    const update = { resource_id: id, access_binding_deltas: deltas };
    const updated = await surface.ok('ContainerService.UpdateAccessBindings', update);
    expect(updated).toMatchObject({ description: 'Update access bindings', done: true });
    expect(surface.unpack(updated.metadata)).toMatchObject({ resource_id: id });
    expect(await listed()).toMatchObject({ access_bindings: [bob, eve] });

    const first = await surface.ok('ContainerService.ListAccessBindings', { resource_id: id, page_size: 1 });
    expect(first.access_bindings).toEqual([bob]);
    const second = { resource_id: id, page_size: 1, page_token: first.next_page_token };
    const rest = await surface.ok('ContainerService.ListAccessBindings', second);
    expect(rest).toEqual({ access_bindings: [eve], next_page_token: '' });
  });
});

test.each([
  ['Stop', 'Stop container'],
  ['Start', 'Start container'],
])('%s is an operation of the container, which the other surface can read', async (method, description) => {
  const { longshore, yandex } = api;
  const { id } = await created(longshore, { folder_id: 'stops' });
  await api.work(id);
  const key = { 'idempotency-key': `${method}-1` };
  const operation = await longshore.ok(`ContainerService.${method}`, { container_id: id }, key);
  expect(operation).toMatchObject({ description, done: false });
  expect(longshore.unpack(operation.metadata)).toMatchObject({ container_id: id });
  await api.work(id);
  const done = await longshore.ok(`ContainerService.${method}`, { container_id: id }, key);
  expect(done).toMatchObject({ id: operation.id, done: true });
  expect(longshore.unpack(done.response)).toMatchObject({ id, stopped: false });

  const listed = await yandex.ok('ContainerService.ListOperations', { container_id: id });
  const [latest] = listed.operations as readonly Message[];
  expect(latest).toMatchObject({ id: operation.id, description });
  expect(yandex.unpack(latest?.metadata)).toEqual({ container_id: id });

  const missing = await longshore.call(`ContainerService.${method}`, { container_id: 'nobody' });
  expect(missing).toMatchObject({ error: { code: status.NOT_FOUND }, reason: 'CONTAINER_NOT_FOUND' });
  const unnamed = await longshore.call(`ContainerService.${method}`, {});
  expect(unnamed).toMatchObject({ error: { code: status.INVALID_ARGUMENT }, fields: ['container_id'] });
  await longshore.ok('ContainerService.Delete', { container_id: id });
  const late = await longshore.call(`ContainerService.${method}`, { container_id: id });
  expect(late).toMatchObject({ error: { code: status.FAILED_PRECONDITION }, reason: 'CONTAINER_DELETING' });
});

test('a name is taken once in its folder, and free in another', async () => {
  const { longshore } = api;
  const { id } = await created(longshore, { folder_id: 'names', name: 'taken' });
  const second = await longshore.call('ContainerService.Create', { folder_id: 'names', name: 'taken' });
  expect(second).toMatchObject({ error: { code: status.ALREADY_EXISTS }, reason: 'CONTAINER_NAME_TAKEN' });
  expect(second.details.get('google.rpc.ResourceInfo')).toMatchObject({ resourceName: 'taken' });
  const elsewhere = await created(longshore, { folder_id: 'names-2', name: 'taken' });
  expect(elsewhere.id).not.toBe(id);
  const other = await created(longshore, { folder_id: 'names', name: 'other' });
  const renamed = await longshore.call('ContainerService.Update', { container_id: other.id, name: 'taken' });
  expect(renamed).toMatchObject({ error: { code: status.ALREADY_EXISTS }, reason: 'CONTAINER_NAME_TAKEN' });
});

test('updates of one container at the same time are all made', async () => {
  const { id } = await created(api.longshore, { folder_id: 'busy' });
  const paths = ['description'];
  const update = (description: string) =>
    api.longshore.ok('ContainerService.Update', { container_id: id, update_mask: { paths }, description });
  const operations = await Promise.all(Array.from({ length: 8 }, (_, index) => update(`d${index}`)));
  expect(operations.map((operation) => operation.done)).toEqual(Array(8).fill(true));
  const list = await api.longshore.ok('ContainerService.ListOperations', { container_id: id, filter: 'done = true' });
  expect(list.operations).toHaveLength(8);
});

describe('listing', () => {
  const ids: string[] = [];
  const list = (request: Message) => api.longshore.call('ContainerService.List', { folder_id: 'many', ...request });
  const idsOf = (response: Message | null) =>
    (response?.containers as readonly { id: string }[] | undefined)?.map(({ id }) => id);

  beforeAll(async () => {
    for (let index = 0; index < 7; index += 1) {
      const description = index % 3 === 0 ? 'third' : '';
      const { id } = await created(api.longshore, { folder_id: 'many', name: `box-${index}`, description });
      ids.unshift(id);
    }
    await api.work(ids[0] ?? '');
  });

  test('is newest first and page by page', async () => {
    const seen: string[] = [];
    let token: unknown = '';
    do {
      const { response } = await list({ page_size: 3, page_token: token });
      seen.push(...(idsOf(response) ?? []));
      token = response?.next_page_token;
    } while (token !== '');
    expect(seen).toEqual(ids);
  });

  test.each<[string, (all: string[]) => (string | undefined)[]]>([
    ['name = "box-6"', (all) => [all[0]]],
    ["status='ACTIVE'", (all) => [all[0]]],
    ['status != ACTIVE', (all) => all.slice(1)],
    ['description = third AND name != box-0', (all) => [all[0], all[3]]],
    ['name = "box-6" AND status = CREATING', () => []],
    ['name = nobody', () => []],
  ])('%s', async (filter, expected) => {
    expect(idsOf((await list({ filter })).response)).toEqual(expected(ids));
  });

  test('a token is good for its own arguments only', async () => {
    const { response } = await list({ page_size: 3 });
    const token = response?.next_page_token;
    const foreign = [
      { page_token: token, folder_id: 'few' },
      { page_token: token, filter: 'status = CREATING' },
      { page_token: 'garbage' },
    ];
    for (const request of foreign) {
      expect(await list(request)).toMatchObject({ error: { code: status.INVALID_ARGUMENT }, fields: ['page_token'] });
    }
    expect((await list({ page_token: token, page_size: 5 })).error).toBeNull();
  });
});
