import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { status } from '@grpc/grpc-js';
import {
  CreateContainerRequest,
  DeployContainerRevisionRequest,
  UpdateContainerRequest,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import { type Api, detailsOf, type Message, startApi } from '../support/api.js';
import { rawCall } from '../support/grpc-server.js';
import { newId } from '../support/store-fixture.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.close();
});

const LONG = 'x'.repeat(51);
const paging = { page_size: -1, page_token: 't'.repeat(101), filter: `name = ${'n'.repeat(1_000)}` };
const pagingFields = ['page_size', 'page_token', 'filter'];
const binding = { role_id: 'r', subject: { id: 's', type: 't' } };

interface Case {
  readonly method: string;
  /** The fields that an empty request is refused for. */
  readonly missing: readonly string[];
  readonly oversized: readonly [request: Message, fields: readonly string[]];
  /** A valid request about something that does not exist; null where nothing is looked up. */
  readonly absent: Message | null;
}

const image_spec = { image_url: 'app' };
const CASES: readonly Case[] = [
  {
    method: 'ContainerService.Get',
    missing: ['container_id'],
    oversized: [{ container_id: LONG }, ['container_id']],
    absent: { container_id: newId('container') },
  },
  {
    method: 'ContainerService.List',
    missing: ['folder_id'],
    oversized: [{ folder_id: LONG, ...paging }, ['folder_id', ...pagingFields]],
    absent: null,
  },
  {
    method: 'ContainerService.Create',
    missing: ['folder_id'],
    oversized: [
      { folder_id: LONG, name: 'n'.repeat(64), description: 'd'.repeat(257), labels: { a: 'v'.repeat(64) } },
      ['folder_id', 'name', 'description', 'labels[a]'],
    ],
    absent: null,
  },
  {
    method: 'ContainerService.Update',
    missing: ['container_id'],
    oversized: [{ container_id: LONG, name: 'n'.repeat(64) }, ['container_id', 'name']],
    absent: { container_id: newId('container') },
  },
  {
    method: 'ContainerService.Delete',
    missing: ['container_id'],
    oversized: [{ container_id: LONG }, ['container_id']],
    absent: { container_id: newId('container') },
  },
  {
    method: 'ContainerService.DeployRevision',
    missing: ['container_id', 'image_spec'],
    oversized: [
      { container_id: LONG, image_spec: { image_url: 'i'.repeat(500), environment: { A: 'v'.repeat(4_097) } } },
      ['container_id', 'image_spec.image_url', 'image_spec.environment[A]'],
    ],
    absent: { container_id: newId('container'), image_spec },
  },
  {
    method: 'ContainerService.Rollback',
    missing: ['container_id', 'revision_id'],
    oversized: [{ container_id: LONG, revision_id: LONG }, ['container_id', 'revision_id']],
    absent: { container_id: newId('container'), revision_id: newId('revision') },
  },
  {
    method: 'ContainerService.GetRevision',
    missing: ['container_revision_id'],
    oversized: [{ container_revision_id: LONG }, ['container_revision_id']],
    absent: { container_revision_id: newId('revision') },
  },
  {
    method: 'ContainerService.ListRevisions',
    missing: ['id'],
    oversized: [{ container_id: LONG, ...paging }, ['container_id', ...pagingFields]],
    absent: { container_id: newId('container') },
  },
  {
    method: 'ContainerService.ListOperations',
    missing: ['container_id'],
    oversized: [{ container_id: LONG, ...paging }, ['container_id', ...pagingFields]],
    absent: { container_id: newId('container') },
  },
  {
    method: 'ContainerService.ListAccessBindings',
    missing: ['resource_id'],
    oversized: [{ resource_id: LONG, page_size: 1_001 }, ['resource_id', 'page_size']],
    absent: { resource_id: newId('container') },
  },
  {
    method: 'ContainerService.SetAccessBindings',
    missing: ['resource_id'],
    oversized: [{ resource_id: LONG, access_bindings: Array(1_001).fill(binding) }, ['resource_id', 'access_bindings']],
    absent: { resource_id: newId('container'), access_bindings: [binding] },
  },
  {
    method: 'ContainerService.UpdateAccessBindings',
    missing: ['access_binding_deltas', 'resource_id'],
    oversized: [
      {
        resource_id: LONG,
        access_binding_deltas: [{ action: 'ADD', access_binding: { ...binding, role_id: 'r'.repeat(65) } }],
      },
      ['resource_id', 'access_binding_deltas[0].access_binding.role_id'],
    ],
    absent: { resource_id: newId('container'), access_binding_deltas: [{ action: 'ADD', access_binding: binding }] },
  },
  {
    method: 'OperationService.Get',
    missing: ['operation_id'],
    oversized: [{ operation_id: LONG }, ['operation_id']],
    absent: { operation_id: newId('operation') },
  },
  {
    method: 'OperationService.Cancel',
    missing: ['operation_id'],
    oversized: [{ operation_id: LONG }, ['operation_id']],
    absent: { operation_id: newId('operation') },
  },
];

const OURS_ONLY: readonly Case[] = [
  {
    method: 'OperationService.List',
    missing: ['folder_id'],
    oversized: [{ folder_id: LONG, ...paging }, ['folder_id', ...pagingFields]],
    absent: null,
  },
  {
    method: 'OperationService.Wait',
    missing: ['operation_id'],
    oversized: [{ operation_id: LONG, timeout: { seconds: '9223372036854775807' } }, ['timeout', 'operation_id']],
    absent: { operation_id: newId('operation') },
  },
];

const everywhere = [
  ...CASES.map((one) => ['longshore', one.method, one] as const),
  ...OURS_ONLY.map((one) => ['longshore', one.method, one] as const),
  ...CASES.map((one) => ['yandex', one.method, one] as const),
];

describe.each(everywhere)('%s %s', (surface, method, { missing, oversized, absent }) => {
  const call = (request: Message) => api[surface].call(method, request);
  const raw = async (bytes: Uint8Array) => {
    const { error } = await rawCall(api.address, api[surface].path(method), bytes);
    return { code: error?.code, ...detailsOf(error) };
  };
  const size = () => api.redis.cli('DBSIZE');
  let before: string;
  beforeAll(async () => {
    before = await size();
  });
  // A refused request leaves nothing behind.
  afterAll(async () => {
    expect(await size()).toBe(before);
    expect(api.logged).toEqual([]);
  });

  test('names every field that is missing', async () => {
    const { error, fields, details } = await call({});
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect([...fields].sort()).toEqual([...missing].sort());
    expect(details.has('google.rpc.ErrorInfo') && details.has('google.rpc.RequestInfo')).toBe(true);
  });

  test('names every field that is too large', async () => {
    const [request, expected] = oversized;
    const { error, fields } = await call(request);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect([...fields].sort()).toEqual([...expected].sort());
  });

  test('refuses bytes that are no message', async () => {
    const malformed = { code: status.INVALID_ARGUMENT, reason: 'MALFORMED_REQUEST' };
    expect(await raw(Buffer.from([0xff]))).toMatchObject(malformed);
    expect(await raw(Buffer.from([0x0a, 100, 1]))).toMatchObject(malformed);
    expect(await raw(Buffer.alloc(64, 0xff))).toMatchObject(malformed);
  });

  test('takes a field of another type for a missing one', async () => {
    const numbers = new BinaryWriter();
    for (const field of [1, 2, 3, 4, 5, 6, 7, 8]) numbers.tag(field, 5).fixed32(7);
    const { code, fields } = await raw(numbers.finish());
    expect(code).toBe(status.INVALID_ARGUMENT);
    expect([...fields].sort()).toEqual([...missing].sort());
  });

  if (absent !== null) {
    test('says what does not exist', async () => {
      const { error, details } = await call(absent);
      expect(error?.code).toBe(status.NOT_FOUND);
      expect(Object.values(absent)).toContain(details.get('google.rpc.ResourceInfo')?.resourceName);
    });
  }
});

test('text that is not UTF-8 is refused instead of being changed', async () => {
  const bytes = Buffer.concat([Buffer.from([0x0a, 4]), Buffer.from('team'), Buffer.from([0x1a, 2, 0xc3, 0x28])]);
  const { error } = await rawCall(api.address, api.longshore.path('ContainerService.Create'), bytes);
  expect(error?.code).toBe(status.INVALID_ARGUMENT);
  expect(detailsOf(error).reason).toBe('MALFORMED_REQUEST');
});

/** The name by which a plain object's prototype is set: what a decoder puts there is gone. */
const odd = new Map([['__proto__', 'x']]);
const imageSpec = { imageUrl: 'app', environment: odd };

test.each<[string, Uint8Array, string]>([
  [
    'Create',
    CreateContainerRequest.encode(CreateContainerRequest.fromPartial({ folderId: 'default', labels: odd })).finish(),
    'labels[__proto__]',
  ],
  [
    'Update',
    UpdateContainerRequest.encode(UpdateContainerRequest.fromPartial({ containerId: 'c', labels: odd })).finish(),
    'labels[__proto__]',
  ],
  [
    'DeployRevision',
    DeployContainerRevisionRequest.encode(
      DeployContainerRevisionRequest.fromPartial({ containerId: 'c', imageSpec }),
    ).finish(),
    'image_spec.environment[__proto__]',
  ],
])('%s refuses the key __proto__ instead of losing it', async (method, bytes, field) => {
  const { error } = await rawCall(api.address, api.longshore.path(`ContainerService.${method}`), bytes);
  expect({ code: error?.code, fields: detailsOf(error).fields }).toEqual({
    code: status.INVALID_ARGUMENT,
    fields: [field],
  });
});

test('a message beyond 4 MiB is refused', async () => {
  const request = { folder_id: 'default', description: 'd'.repeat(5 * 1_048_576) };
  const { error } = await api.longshore.call('ContainerService.Create', request);
  expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
});

test('unknown enum values are named, all of them', async () => {
  const deploy = {
    container_id: newId('container'),
    image_spec,
    rollout_order: 9,
    pull_policy: 9,
    metadata_options: { gce_http_endpoint: 9, aws_v1_http_endpoint: -1 },
  };
  const refused = await api.longshore.call('ContainerService.DeployRevision', deploy);
  expect(refused.error?.code).toBe(status.INVALID_ARGUMENT);
  const fields = [
    'rollout_order',
    'pull_policy',
    'metadata_options.gce_http_endpoint',
    'metadata_options.aws_v1_http_endpoint',
  ];
  expect([...refused.fields].sort()).toEqual([...fields].sort());

  const access_binding_deltas = [{ action: 9, access_binding: binding }, { access_binding: binding }];
  const bindings = { resource_id: newId('container'), access_binding_deltas };
  const both = await api.yandex.call('ContainerService.UpdateAccessBindings', bindings);
  expect(both).toMatchObject({ error: { code: status.INVALID_ARGUMENT } });
  expect(both.fields).toEqual(['access_binding_deltas[0].action', 'access_binding_deltas[1].action']);
});

test.each<[string, Message]>([
  ['service_account_id', { service_account_id: 'a' }],
  ['secrets', { secrets: [{ id: 's', environment_variable: 'A' }] }],
  ['connectivity', { connectivity: { network_id: 'n' } }],
  ['provision_policy.min_instances', { provision_policy: { min_instances: 2 } }],
  ['scaling_policy', { scaling_policy: { zone_instances_limit: 1 } }],
  ['log_options', { log_options: { disabled: true } }],
  ['storage_mounts', { storage_mounts: [{ bucket_id: 'b', mount_point_path: '/b' }] }],
  ['mounts', { mounts: [{ mount_point_path: '/b', object_storage: { bucket_id: 'b' } }] }],
  ['runtime.task', { runtime: { task: {} } }],
  ['metadata_options.gce_http_endpoint', { metadata_options: { gce_http_endpoint: 'ENABLED' } }],
  ['async_invocation_config', { async_invocation_config: {} }],
])('%s is refused by name under both names', async (field, part) => {
  for (const surface of [api.longshore, api.yandex]) {
    const request = { container_id: newId('container'), image_spec, ...part };
    const { error, reason, fields } = await surface.call('ContainerService.DeployRevision', request);
    expect({ code: error?.code, reason, fields }).toEqual({
      code: status.UNIMPLEMENTED,
      reason: 'FIELD_NOT_SUPPORTED',
      fields: [field],
    });
    expect(error?.message).toContain(field);
  }
});

test('a filter by an unknown field, or with a value that cannot be, is refused', async () => {
  for (const filter of ['colour = red', 'status = PURPLE', 'name', 'constructor = x']) {
    const { error, fields } = await api.longshore.call('ContainerService.List', { folder_id: 'default', filter });
    expect({ code: error?.code, fields }).toEqual({ code: status.INVALID_ARGUMENT, fields: ['filter'] });
  }
});

test('a path that cannot be updated is named', async () => {
  const request = { container_id: newId('container'), update_mask: { paths: ['name', 'url'] } };
  const { error, fields } = await api.yandex.call('ContainerService.Update', request);
  expect({ code: error?.code, fields }).toEqual({ code: status.INVALID_ARGUMENT, fields: ['update_mask.paths[1]'] });
});

test('an idempotency key beyond 256 characters is refused', async () => {
  const headers = { 'idempotency-key': 'k'.repeat(257) };
  const { error, fields } = await api.longshore.call('ContainerService.Create', { folder_id: 'default' }, headers);
  expect({ code: error?.code, fields }).toEqual({ code: status.INVALID_ARGUMENT, fields: ['idempotency-key'] });
});

test('an id in a form that is not ours is looked up nowhere', async () => {
  const container_id = '../../{longshore}:x';
  const { error, reason } = await api.longshore.call('ContainerService.Get', { container_id });
  expect({ code: error?.code, reason }).toEqual({ code: status.NOT_FOUND, reason: 'CONTAINER_NOT_FOUND' });
});
