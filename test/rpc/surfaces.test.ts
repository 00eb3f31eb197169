import { Container } from '../../gen/ts/longshore/containers/v1/container.js';
import { packAny, packEmpty } from '../../src/rpc/any.js';
import { LONGSHORE, nameOn, YANDEX } from '../../src/rpc/surfaces.js';

test.each([
  ['longshore.containers.v1.ContainerService', 'yandex.cloud.serverless.containers.v1.ContainerService'],
  ['longshore.containers.v1.Container.Status', 'yandex.cloud.serverless.containers.v1.Container.Status'],
  ['longshore.operation.v1.OperationService', 'yandex.cloud.operation.OperationService'],
  ['longshore.access.v1.SetAccessBindingsMetadata', 'yandex.cloud.access.SetAccessBindingsMetadata'],
  ['longshore.access.v1', 'yandex.cloud.access'],
  ['longshore.access.v10.Subject', 'longshore.access.v10.Subject'],
  ['google.rpc.Status', 'google.rpc.Status'],
])('%s is %s to clients of the other API', (ours, theirs) => {
  expect(nameOn(YANDEX, ours)).toBe(theirs);
  expect(nameOn(LONGSHORE, ours)).toBe(ours);
});

test('a packed message is named as its surface names it, and its bytes are the same', () => {
  const container = Container.fromPartial({ id: 'c1', name: 'web' });
  const ours = packAny(LONGSHORE, Container, container);
  const theirs = packAny(YANDEX, Container, container);
  expect(ours.typeUrl).toBe('type.googleapis.com/longshore.containers.v1.Container');
  expect(theirs.typeUrl).toBe('type.googleapis.com/yandex.cloud.serverless.containers.v1.Container');
  expect(theirs.value).toEqual(ours.value);
  expect(Container.decode(theirs.value)).toEqual(container);
});

test('an empty response is the same on every surface', () => {
  expect(packEmpty()).toEqual({ typeUrl: 'type.googleapis.com/google.protobuf.Empty', value: Buffer.alloc(0) });
});
