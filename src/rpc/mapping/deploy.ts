import type {
  DeployContainerRevisionRequest,
  ImageSpec as ImageSpecMessage,
} from '../../../gen/ts/longshore/containers/v1/container_service.js';
import {
  type HealthCheck as HealthCheckMessage,
  MetadataOption,
  type MetadataOptions,
  type Runtime as RuntimeMessage,
} from '../../../gen/ts/longshore/containers/v1/revision.js';
import {
  PullPolicy as PullPolicyMessage,
  RolloutOrder as RolloutOrderMessage,
} from '../../../gen/ts/longshore/containers/v1/rollout.js';
import type { DeployDraft } from '../../domain/deploy-request.js';
import type { FieldViolation } from '../../domain/errors.js';
import type { HealthCheckDraft } from '../../domain/health-check.js';
import type { HealthCheck, ImageSpec, PullPolicy, RolloutOrder, Runtime } from '../../domain/revision.js';
import { type EnumTable, fromMap, readEnum } from './values.js';

const ROLLOUT_ORDER: EnumTable<RolloutOrder> = new Map([
  [RolloutOrderMessage.ROLLOUT_ORDER_UNSPECIFIED, 'AUTO'],
  [RolloutOrderMessage.ROLLOUT_ORDER_AUTO, 'AUTO'],
  [RolloutOrderMessage.ROLLOUT_ORDER_START_FIRST, 'START_FIRST'],
  [RolloutOrderMessage.ROLLOUT_ORDER_STOP_FIRST, 'STOP_FIRST'],
]);

const PULL_POLICY: EnumTable<PullPolicy> = new Map([
  [PullPolicyMessage.PULL_POLICY_UNSPECIFIED, 'IF_ABSENT'],
  [PullPolicyMessage.PULL_POLICY_IF_ABSENT, 'IF_ABSENT'],
  [PullPolicyMessage.PULL_POLICY_ALWAYS, 'ALWAYS'],
]);

const METADATA_OPTION: EnumTable<'UNSPECIFIED' | 'SET'> = new Map([
  [MetadataOption.METADATA_OPTION_UNSPECIFIED, 'UNSPECIFIED'],
  [MetadataOption.ENABLED, 'SET'],
  [MetadataOption.DISABLED, 'SET'],
]);

export function fromDeploy(request: DeployContainerRevisionRequest): DeployDraft {
  const malformed: FieldViolation[] = [];
  return {
    containerId: request.containerId,
    description: request.description,
    image: request.imageSpec ? fromImageSpec(request.imageSpec) : null,
    resources: request.resources ?? null,
    executionTimeout: request.executionTimeout ?? null,
    concurrency: request.concurrency,
    minInstances: request.provisionPolicy?.minInstances ?? null,
    runtime: fromRuntime(request.runtime),
    gpus: request.gpus ?? null,
    shmSize: request.shmSize,
    healthCheck: request.healthCheck ? fromHealthCheck(request.healthCheck) : null,
    rolloutOrder: readEnum(malformed, 'rollout_order', request.rolloutOrder, ROLLOUT_ORDER, 'AUTO'),
    pullPolicy: readEnum(malformed, 'pull_policy', request.pullPolicy, PULL_POLICY, 'IF_ABSENT'),
    minimumRunTime: request.minimumRunTime ?? null,
    unsupported: [...unsupported(request), ...fromMetadataOptions(malformed, request.metadataOptions)],
    malformed,
  };
}

/** Fields that nothing stands behind yet. Whoever sets one would take it for granted, so it is refused and not passed over. */
function unsupported(request: DeployContainerRevisionRequest): readonly string[] {
  const set: readonly (readonly [field: string, isSet: boolean])[] = [
    ['service_account_id', request.serviceAccountId !== ''],
    ['secrets', request.secrets.length > 0],
    ['connectivity', request.connectivity !== undefined],
    ['scaling_policy', request.scalingPolicy !== undefined],
    ['log_options', request.logOptions !== undefined],
    ['storage_mounts', request.storageMounts.length > 0],
    ['mounts', request.mounts.length > 0],
    ['runtime.task', request.runtime?.type?.$case === 'task'],
    ['async_invocation_config', request.asyncInvocationConfig !== undefined],
  ];
  return set.filter(([, isSet]) => isSet).map(([field]) => field);
}

/** Some clients always send it, empty. */
function fromMetadataOptions(malformed: FieldViolation[], options: MetadataOptions | undefined): readonly string[] {
  const fields = [
    ['metadata_options.gce_http_endpoint', options?.gceHttpEndpoint ?? 0],
    ['metadata_options.aws_v1_http_endpoint', options?.awsV1HttpEndpoint ?? 0],
  ] as const;
  return fields
    .filter(([field, number]) => readEnum(malformed, field, number, METADATA_OPTION, 'UNSPECIFIED') === 'SET')
    .map(([field]) => field);
}

function fromImageSpec({ imageUrl, command, args, environment, workingDir }: ImageSpecMessage): ImageSpec {
  return {
    url: imageUrl,
    command: command?.command ?? [],
    args: args?.args ?? [],
    environment: fromMap(environment),
    workingDir,
  };
}

function fromRuntime(runtime: RuntimeMessage | undefined): Runtime {
  return runtime?.type?.$case === 'process' ? 'PROCESS' : 'HTTP';
}

function fromHealthCheck({ probe, interval, timeout, deadline }: HealthCheckMessage): HealthCheckDraft {
  return {
    probe: fromProbe(probe),
    interval: interval ?? null,
    timeout: timeout ?? null,
    deadline: deadline ?? null,
  };
}

function fromProbe(probe: HealthCheckMessage['probe']): HealthCheck['probe'] {
  if (probe === undefined) return null;
  return probe.$case === 'http' ? { kind: 'HTTP', path: probe.value.path } : { kind: 'TCP' };
}
