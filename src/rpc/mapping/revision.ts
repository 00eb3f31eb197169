import {
  type HealthCheck as HealthCheckMessage,
  type Image,
  Revision_Status,
  type Revision as RevisionMessage,
  type Runtime as RuntimeMessage,
} from '../../../gen/ts/longshore/containers/v1/revision.js';
import {
  PullPolicy as PullPolicyMessage,
  RolloutOrder as RolloutOrderMessage,
} from '../../../gen/ts/longshore/containers/v1/rollout.js';
import type {
  GpuRequirements,
  HealthCheck,
  PullPolicy,
  Resources,
  Revision,
  RevisionStatus,
  RolloutOrder,
  Runtime,
} from '../../domain/revision.js';
import { toDate, toDuration, toMap } from './values.js';

const STATUS: Readonly<Record<RevisionStatus, Revision_Status>> = {
  CREATING: Revision_Status.CREATING,
  ACTIVE: Revision_Status.ACTIVE,
  OBSOLETE: Revision_Status.OBSOLETE,
};

export const ROLLOUT_ORDER: Readonly<Record<RolloutOrder, RolloutOrderMessage>> = {
  AUTO: RolloutOrderMessage.ROLLOUT_ORDER_AUTO,
  START_FIRST: RolloutOrderMessage.ROLLOUT_ORDER_START_FIRST,
  STOP_FIRST: RolloutOrderMessage.ROLLOUT_ORDER_STOP_FIRST,
};

const PULL_POLICY: Readonly<Record<PullPolicy, PullPolicyMessage>> = {
  IF_ABSENT: PullPolicyMessage.PULL_POLICY_IF_ABSENT,
  ALWAYS: PullPolicyMessage.PULL_POLICY_ALWAYS,
};

/** A Runtime without a type makes a known client panic. */
const RUNTIME: Readonly<Record<Runtime, RuntimeMessage>> = {
  HTTP: { type: { $case: 'http', value: {} } },
  PROCESS: { type: { $case: 'process', value: {} } },
};

/** The revision, complete with the defaults that were filled in, so that a client can send back what it got. */
export function toRevision(revision: Revision): RevisionMessage {
  const { spec } = revision;
  return {
    id: revision.id,
    containerId: revision.containerId,
    description: revision.description,
    createdAt: toDate(revision.createdAt),
    image: toImage(revision),
    resources: spec.resources ? toResources(spec.resources) : undefined,
    executionTimeout: toDuration(spec.executionTimeoutMs),
    concurrency: BigInt(spec.concurrency),
    status: STATUS[revision.status],
    provisionPolicy: spec.minInstances === null ? undefined : { minInstances: BigInt(spec.minInstances) },
    runtime: RUNTIME[spec.runtime],
    metadataOptions: { gceHttpEndpoint: 0, awsV1HttpEndpoint: 0 },
    gpus: spec.gpus ? toGpus(spec.gpus) : undefined,
    shmSize: BigInt(spec.shmSize),
    healthCheck: spec.healthCheck ? toHealthCheck(spec.healthCheck) : undefined,
    rolloutOrder: ROLLOUT_ORDER[spec.rolloutOrder],
    pullPolicy: PULL_POLICY[spec.pullPolicy],
    minimumRunTime: spec.runtime === 'PROCESS' ? toDuration(spec.minimumRunTimeMs) : undefined,
    ...NEVER_SET,
  };
}

/** Refused in requests, so there is nothing to return. */
const NEVER_SET = {
  serviceAccountId: '',
  secrets: [],
  connectivity: undefined,
  scalingPolicy: undefined,
  logOptions: undefined,
  storageMounts: [],
  mounts: [],
  asyncInvocationConfig: undefined,
} satisfies Partial<RevisionMessage>;

function toImage({ spec: { image }, image: resolved }: Revision): Image {
  return {
    imageUrl: image.url,
    imageDigest: resolved?.digest ?? '',
    command: image.command.length > 0 ? { command: [...image.command] } : undefined,
    args: image.args.length > 0 ? { args: [...image.args] } : undefined,
    environment: toMap(image.environment),
    workingDir: image.workingDir,
  };
}

function toResources({ memory, cores, coreFraction }: Resources) {
  return { memory: BigInt(memory), cores: BigInt(cores), coreFraction: BigInt(coreFraction) };
}

function toGpus({ count, model, minMemory }: GpuRequirements) {
  return { count: BigInt(count), model, minMemory: BigInt(minMemory) };
}

function toHealthCheck({ probe, intervalMs, timeoutMs, deadlineMs }: HealthCheck): HealthCheckMessage {
  return {
    probe: probe === null ? undefined : toProbe(probe),
    interval: toDuration(intervalMs),
    timeout: toDuration(timeoutMs),
    deadline: toDuration(deadlineMs),
  };
}

function toProbe(probe: NonNullable<HealthCheck['probe']>): NonNullable<HealthCheckMessage['probe']> {
  return probe.kind === 'HTTP' ? { $case: 'http', value: { path: probe.path } } : { $case: 'tcp', value: {} };
}
