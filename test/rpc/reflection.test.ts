import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  credentials,
  loadPackageDefinition,
  makeGenericClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/ts/grpc/reflection/v1/reflection.js';
import { Container } from '../../gen/ts/longshore/containers/v1/container.js';
import { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import { invalidArgument } from '../../src/domain/errors.js';
import { treePath } from '../../src/paths.js';
import { packAny, packEmpty } from '../../src/rpc/any.js';
import { tryCommand } from '../support/command.js';
import { type StubServer, startStubServer } from '../support/grpc-server.js';

const OURS = 'longshore.containers.v1';
const THEIRS = 'yandex.cloud.serverless.containers.v1';

let server: StubServer;
beforeAll(async () => {
  server = await startStubServer({
    containers: {
      get: ({ containerId }) => Promise.reject(invalidArgument([{ field: 'container_id', description: containerId }])),
      create: async ({ name, labels }, { surface }) =>
        Operation.fromPartial({
          id: 'op1',
          done: true,
          metadata: packEmpty(),
          result: { $case: 'response', value: packAny(surface, Container, Container.fromPartial({ name, labels })) },
        }),
    },
  });
});
afterAll(() => server.close(1000));

/** buf as a stranger to our files: all that it knows of the service it has from reflection. */
async function bufCurl(...args: string[]) {
  const binary = treePath('node_modules', '.bin', 'buf');
  const result = await tryCommand(binary, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args]);
  return { ...result, url: args.at(-1) };
}

async function reflect(request: ServerReflectionRequest['messageRequest']): Promise<ServerReflectionResponse> {
  const client = new ServerReflectionClient(server.address, credentials.createInsecure());
  const stream = client.serverReflectionInfo();
  try {
    return await new Promise<ServerReflectionResponse>((resolve, reject) => {
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.write({ host: '', messageRequest: request });
    });
  } finally {
    stream.end();
    client.close();
  }
}

describe.each(['grpc-v1', 'grpc-v1alpha'])('buf curl over %s', (protocol) => {
  test.each([OURS, THEIRS])('calls %s and reads the Any in the answer', async (name) => {
    const data = JSON.stringify({ name: 'web', labels: { team: 'a' } });
    const url = `http://${server.address}/${name}.ContainerService/Create`;
    const { code, stdout, stderr } = await bufCurl('--reflect-protocol', protocol, '-d', data, url);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      id: 'op1',
      done: true,
      metadata: { '@type': 'type.googleapis.com/google.protobuf.Empty' },
      response: { '@type': `type.googleapis.com/${name}.Container`, name: 'web', labels: { team: 'a' } },
    });
  });
});

test('buf curl shows the details of an error', async () => {
  const url = `http://${server.address}/${THEIRS}.ContainerService/Get`;
  const { code, stderr } = await bufCurl('-d', '{"containerId": "no such form"}', url);
  expect(code).not.toBe(0);
  const { code: name, details } = JSON.parse(stderr) as { code: string; details: { type: string }[] };
  expect(name).toBe('invalid_argument');
  expect(details.map((detail) => detail.type)).toEqual([
    'google.rpc.ErrorInfo',
    'google.rpc.BadRequest',
    'google.rpc.RequestInfo',
  ]);
});

test('both names of every service are listed, with the standard services', async () => {
  const { messageResponse } = await reflect({ $case: 'listServices', value: '' });
  const names = messageResponse?.$case === 'listServicesResponse' ? messageResponse.value.service : [];
  expect(names.map((service) => service.name).sort()).toEqual([
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
    'longshore.containers.v1.ContainerService',
    'longshore.operation.v1.OperationService',
    'yandex.cloud.operation.OperationService',
    'yandex.cloud.serverless.containers.v1.ContainerService',
  ]);
});

test.each([
  `${OURS}.ContainerService.Create`,
  `${THEIRS}.DeployContainerRevisionMetadata`,
  `${THEIRS}.Container.Status`,
  'yandex.cloud.access.SetAccessBindingsMetadata',
  'google.rpc.BadRequest',
  'google.rpc.Status',
  'google.protobuf.Empty',
  'grpc.health.v1.Health',
  'grpc.reflection.v1alpha.ServerReflection',
])('the file of %s comes first, with all that it imports', async (value) => {
  const files = await filesOf(value);
  const names = new Set(files.map((file) => file.name));
  expect(value.startsWith(`${files[0]?.package}.`)).toBe(true);
  expect(files.flatMap((file) => file.dependency).filter((name) => !names.has(name))).toEqual([]);
});

test('the HTTP paths of methods can be looked up', async () => {
  const options = 'google.protobuf.MethodOptions';
  const { messageResponse: numbers } = await reflect({ $case: 'allExtensionNumbersOfType', value: options });
  expect(numbers).toMatchObject({ value: { baseTypeName: options, extensionNumber: [72295728] } });
  const value = { containingType: options, extensionNumber: 72295728 };
  const { messageResponse: found } = await reflect({ $case: 'fileContainingExtension', value });
  expect(found?.$case).toBe('fileDescriptorResponse');
});

test.each<ServerReflectionRequest['messageRequest']>([
  { $case: 'fileContainingSymbol', value: 'longshore.containers.v1.Nothing' },
  { $case: 'fileByFilename', value: '../../etc/passwd' },
  { $case: 'allExtensionNumbersOfType', value: 'no.such.Message' },
  { $case: 'fileContainingExtension', value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 1 } },
])('what is not there is NOT_FOUND: %p', async (request) => {
  const { messageResponse } = await reflect(request);
  expect(messageResponse).toMatchObject({ $case: 'errorResponse', value: { errorCode: status.NOT_FOUND } });
});

test.each([
  ['longshore.containers.v1', 'type.googleapis.com/longshore.containers.v1.Container'],
  [THEIRS, 'type.googleapis.com/yandex.cloud.serverless.containers.v1.Container'],
])('a dynamic client made of what reflection shows works as %s', async (name, typeUrl) => {
  const files = await filesOf(`${name}.ContainerService`);
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
  const definition = loadFileDescriptorSetFromBuffer(Buffer.from(set), { longs: String, enums: String });
  expect(Object.keys(loadPackageDefinition(definition))).toContain(name.split('.')[0]);
  const service = definition[`${name}.ContainerService`];
  if (service === undefined || 'format' in service) throw new Error('no service came');
  const client = new (makeGenericClientConstructor(service, name))(server.address, credentials.createInsecure());
  const answer = await new Promise<unknown>((resolve, reject) => {
    client['create']?.({ name: 'web' }, (error: ServiceError | null, value: unknown) =>
      error ? reject(error) : resolve(value),
    );
  });
  client.close();
  expect(answer).toMatchObject({ id: 'op1', done: true, response: { type_url: typeUrl } });
});

async function filesOf(value: string) {
  const { messageResponse } = await reflect({ $case: 'fileContainingSymbol', value });
  const bytes = messageResponse?.$case === 'fileDescriptorResponse' ? messageResponse.value.fileDescriptorProto : [];
  return bytes.map((file) => fromBinary(FileDescriptorProtoSchema, file));
}
