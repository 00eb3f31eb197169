import { ErrorInfo } from '../../gen/ts/google/rpc/error_details.js';
import {
  DeployContainerRevisionMetadata,
  UpdateContainerMetadata,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import { Progress_Step, progress_StepToJSON } from '../../gen/ts/longshore/containers/v1/progress.js';
import { RolloutOrder } from '../../gen/ts/longshore/containers/v1/rollout.js';
import { Operation as OperationMessage } from '../../gen/ts/longshore/operation/v1/operation.js';
import { OPERATION_DESCRIPTION, type Operation, type OperationKind, progressAt } from '../../src/domain/operation.js';
import { toOperation } from '../../src/rpc/mapping/operation.js';
import { toProgress } from '../../src/rpc/mapping/progress.js';
import { LONGSHORE, YANDEX } from '../../src/rpc/surfaces.js';

const operation: Operation = {
  id: 'o1',
  kind: 'DEPLOY',
  folderId: 'f',
  containerId: 'c1',
  revisionId: 'r1',
  createdAt: 1_000,
  createdBy: 'me',
  modifiedAt: 2_000,
  state: 'RUNNING',
  cancelRequested: false,
  progress: progressAt('PULL', 30, 'layer 2 of 5'),
  result: null,
};

test.each<[OperationKind, string]>([
  ['CREATE', 'containers.v1.CreateContainerMetadata'],
  ['UPDATE', 'containers.v1.UpdateContainerMetadata'],
  ['DELETE', 'containers.v1.DeleteContainerMetadata'],
  ['DEPLOY', 'containers.v1.DeployContainerRevisionMetadata'],
  ['ROLLBACK', 'containers.v1.RollbackContainerMetadata'],
  ['STOP', 'containers.v1.StopContainerMetadata'],
  ['START', 'containers.v1.StartContainerMetadata'],
  ['SET_ACCESS_BINDINGS', 'access.v1.SetAccessBindingsMetadata'],
  ['UPDATE_ACCESS_BINDINGS', 'access.v1.UpdateAccessBindingsMetadata'],
])('the metadata of %s names its type', (kind, type) => {
  const made = toOperation({ ...operation, kind }, LONGSHORE);
  expect(made.metadata?.typeUrl).toBe(`type.googleapis.com/longshore.${type}`);
  expect(made.description).toBe(OPERATION_DESCRIPTION[kind]);
});

test.each(['STOP', 'START'] as const)(
  '%s is shown to clients that have no such method under a name that they have',
  (kind) => {
    const { metadata } = toOperation({ ...operation, kind }, YANDEX);
    const name = 'yandex.cloud.serverless.containers.v1.UpdateContainerMetadata';
    expect(metadata?.typeUrl).toBe(`type.googleapis.com/${name}`);
    expect(UpdateContainerMetadata.decode(metadata?.value ?? Buffer.alloc(0)).containerId).toBe('c1');
  },
);

test('progress is counted in the metadata', () => {
  const progress = {
    ...operation.progress,
    bytesDone: 2 ** 40,
    bytesTotal: 2 ** 41,
    rolloutOrder: 'STOP_FIRST',
  } as const;
  const { metadata } = toOperation({ ...operation, progress: { ...progressAt('PULL', 30.4), ...progress } }, YANDEX);
  expect(DeployContainerRevisionMetadata.decode(metadata?.value ?? Buffer.alloc(0))).toMatchObject({
    containerRevisionId: 'r1',
    progress: {
      step: Progress_Step.STEP_PULL,
      percent: 30,
      bytesDone: 2n ** 40n,
      bytesTotal: 2n ** 41n,
      rolloutOrder: RolloutOrder.ROLLOUT_ORDER_STOP_FIRST,
      message: 'layer 2 of 5',
    },
  });
});

test.each([
  'ADMIT',
  'PLACE',
  'PULL',
  'CREATE',
  'START',
  'HEALTHY',
  'SWITCH',
  'DONE',
  'DRAIN',
  'RETIRE',
  'STOP',
  'REMOVE',
  'RESTORE',
] as const)('step %s keeps its name on the wire', (step) => {
  expect(progress_StepToJSON(toProgress(progressAt(step, 0)).step)).toBe(`STEP_${step}`);
});

test('a failure is the operation’s error, with its details', () => {
  const failure = {
    code: 'RESOURCE_EXHAUSTED',
    reason: 'NO_CAPACITY',
    message: 'no host has 2 free GPUs',
    metadata: { host: 'gpu-1' },
  } as const;
  const made = toOperation({ ...operation, state: 'DONE', result: { kind: 'ERROR', failure } }, LONGSHORE);
  const { result, done } = OperationMessage.decode(OperationMessage.encode(made).finish());
  if (result?.$case !== 'error') throw new Error('there is no error');
  expect(done).toBe(true);
  expect(result.value).toMatchObject({ code: 8, message: failure.message });
  const [info] = result.value.details;
  expect(ErrorInfo.decode(info?.value ?? Buffer.alloc(0))).toMatchObject({
    reason: 'NO_CAPACITY',
    metadata: new Map([['host', 'gpu-1']]),
  });
});

test('an operation that has not ended has neither error nor response', () => {
  const made = toOperation(operation, LONGSHORE);
  expect(made).toMatchObject({ done: false, createdAt: new Date(1_000), modifiedAt: new Date(2_000), createdBy: 'me' });
  expect(made.result).toBeUndefined();
});
