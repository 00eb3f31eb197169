import { status } from '@grpc/grpc-js';
import { type Api, type Message, type Surface, startApi } from '../support/api.js';
import { hostOf } from '../support/store-fixture.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.close();
});

async function container(surface: Surface, folder = 'default'): Promise<string> {
  const operation = await surface.ok('ContainerService.Create', { folder_id: folder });
  const id = String(surface.unpack(operation.metadata)?.container_id);
  await api.work(id);
  return id;
}

async function deployed(surface: Surface, id: string, request: Message = {}): Promise<string> {
  const image_spec = { image_url: 'team/app:1' };
  const operation = await surface.ok('ContainerService.DeployRevision', { container_id: id, image_spec, ...request });
  await api.work(id);
  return String(surface.unpack(operation.metadata)?.container_revision_id);
}

describe.each(['longshore', 'yandex'] as const)('under the names of %s', (name) => {
  let surface: Surface;
  beforeAll(() => {
    surface = api[name];
  });

  test('revisions are deployed, listed and rolled back to', async () => {
    const id = await container(surface);
    const first = await deployed(surface, id, { description: 'one' });
    const second = await deployed(surface, id, { description: 'two' });
    const list = await surface.ok('ContainerService.ListRevisions', { container_id: id });
    expect(list.revisions).toMatchObject([
      { id: second, status: 'ACTIVE', description: 'two' },
      { id: first, status: 'OBSOLETE', description: 'one' },
    ]);
    const active = { container_id: id, filter: "status='ACTIVE'" };
    expect((await surface.ok('ContainerService.ListRevisions', active)).revisions).toMatchObject([{ id: second }]);

    const rollback = { container_id: id, revision_id: first };
    const operation = await surface.ok('ContainerService.Rollback', rollback);
    expect(operation).toMatchObject({ description: 'Rollback container', done: false });
    expect(surface.unpack(operation.metadata)).toMatchObject(rollback);
    await api.work(id);
    const done = await surface.ok('OperationService.Get', { operation_id: operation.id });
    expect(surface.unpack(done.response)).toMatchObject({ id, status: 'ACTIVE' });
    const now = await surface.ok('ContainerService.GetRevision', { container_revision_id: first });
    expect(now).toMatchObject({ status: 'ACTIVE' });
    const operations = await surface.ok('ContainerService.ListOperations', { container_id: id });
    expect(operations.operations).toMatchObject([
      { description: 'Rollback container' },
      { description: 'Deploy revision' },
      { description: 'Deploy revision' },
      { description: 'Create container' },
    ]);
  });

  test('a revision comes back as it was sent, complete with defaults', async () => {
    const id = await container(surface);
    const environment = { MODE: 'x', LONGSHORE_GPU_COUNT: '0' };
    const image_spec = {
      image_url: 'Registry.example.com:5000/team/app:1',
      command: { command: ['/bin/app'] },
      args: { args: ['-v', ''] },
      environment,
      working_dir: '/srv',
    };
    const revision = await deployed(surface, id, {
      image_spec,
      resources: { memory: '9007199254740991', cores: 2 },
      metadata_options: {},
      provision_policy: { min_instances: 1 },
    });
    const read = await surface.ok('ContainerService.GetRevision', { container_revision_id: revision });
    expect(read).toMatchObject({
      id: revision,
      container_id: id,
      status: 'ACTIVE',
      image: { ...image_spec, image_digest: `sha256:${'0'.repeat(64)}` },
      resources: { memory: '9007199254740991', cores: '2', core_fraction: '100' },
      execution_timeout: { seconds: '3600', nanos: 0 },
      concurrency: '0',
      runtime: { type: 'http', http: {} },
      provision_policy: { min_instances: '1' },
      metadata_options: { gce_http_endpoint: 'METADATA_OPTION_UNSPECIFIED' },
      scaling_policy: null,
    });

    const { execution_timeout, runtime, metadata_options, resources } = read;
    const again = { image_spec, execution_timeout, runtime, metadata_options, resources };
    const repeated = await deployed(surface, id, again);
    const second = await surface.ok('ContainerService.GetRevision', { container_revision_id: repeated });
    expect({ ...second, id: '', created_at: null, provision_policy: null }).toEqual({
      ...read,
      id: '',
      created_at: null,
      provision_policy: null,
    });
  });
});

test('our own fields come back, and metadata carries progress from the first reply', async () => {
  const { longshore } = api;
  const id = await container(longshore);
  const own = {
    gpus: { count: '1', model: '*H200*', min_memory: '1' },
    shm_size: '1073741824',
    health_check: {
      probe: 'http',
      http: { path: '/ready' },
      interval: { seconds: '0', nanos: 100_000_000 },
      timeout: { seconds: '2', nanos: 0 },
      deadline: { seconds: '60', nanos: 0 },
    },
    rollout_order: 'ROLLOUT_ORDER_STOP_FIRST',
    pull_policy: 'PULL_POLICY_ALWAYS',
  };
  const image_spec = { image_url: 'app' };
  const request = { container_id: id, image_spec, ...own };
  const operation = await longshore.ok('ContainerService.DeployRevision', request);
  const metadata = longshore.unpack(operation.metadata);
  expect(metadata).toMatchObject({ progress: { step: 'STEP_ADMIT', percent: 0 } });
  const key = { container_revision_id: metadata?.container_revision_id };
  expect(await longshore.ok('ContainerService.GetRevision', key)).toMatchObject({ ...own, minimum_run_time: null });

  const process = { container_id: id, image_spec, runtime: { process: {} } };
  const worker = await longshore.ok('ContainerService.DeployRevision', process);
  const workerKey = { container_revision_id: longshore.unpack(worker.metadata)?.container_revision_id };
  const read = await longshore.ok('ContainerService.GetRevision', workerKey);
  expect(read).toMatchObject({ runtime: { type: 'process' }, minimum_run_time: { seconds: '5' } });
});

test('a revision that is being deployed can be read, is not listed and cannot be rolled back to', async () => {
  const { longshore } = api;
  const id = await container(longshore, 'deploying');
  const image_spec = { image_url: 'app' };
  const operation = await longshore.ok('ContainerService.DeployRevision', { container_id: id, image_spec });
  const revision_id = String(longshore.unpack(operation.metadata)?.container_revision_id);
  const read = await longshore.ok('ContainerService.GetRevision', { container_revision_id: revision_id });
  expect(read).toMatchObject({ status: 'CREATING', image: { image_digest: '' } });
  for (const owner of [{ container_id: id }, { folder_id: 'deploying' }]) {
    expect((await longshore.ok('ContainerService.ListRevisions', owner)).revisions).toEqual([]);
  }
  const refused = await longshore.call('ContainerService.Rollback', { container_id: id, revision_id });
  expect(refused).toMatchObject({ error: { code: status.FAILED_PRECONDITION }, reason: 'REVISION_NOT_DEPLOYED' });
});

test("another container's revision does not exist for a rollback", async () => {
  const { longshore } = api;
  const [one, other] = [await container(longshore), await container(longshore)];
  const revision_id = await deployed(longshore, other);
  const refused = await longshore.call('ContainerService.Rollback', { container_id: one, revision_id });
  expect(refused).toMatchObject({ error: { code: status.NOT_FOUND }, reason: 'REVISION_NOT_FOUND' });
  expect(refused.details.get('google.rpc.ResourceInfo')).toMatchObject({ resourceName: revision_id });
});

test('revisions of a folder are those of all its containers', async () => {
  const { yandex } = api;
  const one = await container(yandex, 'shared');
  const other = await container(yandex, 'shared');
  const first = await deployed(yandex, one);
  const second = await deployed(yandex, other);
  const list = await yandex.ok('ContainerService.ListRevisions', { folder_id: 'shared' });
  expect(list.revisions).toMatchObject([{ id: second }, { id: first }]);
});

test('what no host could ever run is refused at once, host by host', async () => {
  const { longshore } = api;
  const id = await container(longshore);
  const request = { container_id: id, image_spec: { image_url: 'app' }, gpus: { count: 2 } };
  expect((await longshore.call('ContainerService.DeployRevision', request)).error).toBeNull();

  const big = { memory: 1 << 30, cores: 8 };
  await api.addHost(hostOf({ ...big, name: 'gpu-1' }));
  await api.addHost(hostOf({ ...big, name: 'gpu-2', gpus: [] }));
  const refused = await longshore.call('ContainerService.DeployRevision', request);
  expect(refused).toMatchObject({ error: { code: status.FAILED_PRECONDITION }, reason: 'NO_SUITABLE_HOST' });
  expect(refused.error?.message).toMatch(/gpu-1 .*gpu-2 /);
  expect(refused.details.get('google.rpc.PreconditionFailure')).toMatchObject({
    violations: [{ subject: 'host/gpu-1' }, { subject: 'host/gpu-2' }],
  });
  const list = await longshore.ok('ContainerService.ListOperations', { container_id: id });
  expect(list.operations).toHaveLength(2);
  expect(
    (await longshore.call('ContainerService.DeployRevision', { ...request, gpus: { count: 1 } })).error,
  ).toBeNull();
});
