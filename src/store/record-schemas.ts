import { z } from 'zod';
import type { AccessBinding } from '../domain/access.js';
import type { ContainerRecord } from '../domain/container.js';
import type { ContainerState } from '../domain/container-state.js';
import type { Failure } from '../domain/errors.js';
import type { HostRecord } from '../domain/host.js';
import type { InstanceRecord } from '../domain/instance.js';
import type { Memo } from '../domain/memo.js';
import type { Operation, OperationResult, Progress } from '../domain/operation.js';
import type { Revision, RevisionSpec } from '../domain/revision.js';
import type { IngressReport, Route } from '../domain/route.js';

export const text = z.string();
const number = z.number();
const nullable = <T extends z.ZodType>(schema: T) => schema.nullable();

const failure: z.ZodType<Failure> = z.object({
  code: z.enum([
    'CANCELLED',
    'UNKNOWN',
    'INVALID_ARGUMENT',
    'DEADLINE_EXCEEDED',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
    'OUT_OF_RANGE',
    'UNIMPLEMENTED',
    'INTERNAL',
    'UNAVAILABLE',
    'UNAUTHENTICATED',
  ]),
  reason: text,
  message: text,
  metadata: z.record(text, text).optional(),
  fields: z.array(z.object({ field: text, description: text })).optional(),
  preconditions: z.array(z.object({ type: text, subject: text, description: text })).optional(),
  quota: z.array(z.object({ subject: text, description: text })).optional(),
  resource: z.object({ type: text, name: text, description: text }).optional(),
  retryAfterMs: number.optional(),
});

export const bindings: z.ZodType<readonly AccessBinding[]> = z.array(
  z.object({ roleId: text, subjectId: text, subjectType: text }),
);

/** The worker's own part is kept whole: fields that this version does not know pass through it unharmed. */
const instance: z.ZodType<InstanceRecord> = z.looseObject({
  id: text,
  revisionId: text,
  ordinal: number,
  role: z.enum(['CANDIDATE', 'SERVING', 'HELD', 'DRAINING', 'RETAINED', 'DISCARDED']),
  host: text,
  address: text,
  gpuUuids: z.array(text),
  port: nullable(number),
  avoidPorts: z.array(number).default([]),
  leased: z.boolean(),
  imageReady: z.boolean(),
  createIntended: z.boolean(),
  created: z.boolean(),
  startedAt: nullable(number),
  engineStartedAt: nullable(text),
  healthyAt: nullable(number),
  drainVersion: nullable(number),
  drainDeadline: nullable(number),
  failed: nullable(text),
  unseen: nullable(text).default(null),
  restarts: number,
  fault: nullable(
    z.looseObject({
      step: text,
      kind: z.enum(['TRANSIENT', 'PERMANENT', 'UNREACHABLE']),
      reason: nullable(text),
      message: text,
      count: number,
      firstAt: number,
      retryAt: number,
    }),
  ),
  changedAt: number,
});

const state: z.ZodType<ContainerState> = z.looseObject({
  generation: number,
  activeRevisionId: nullable(text),
  stopped: z.looseObject({ since: number, kept: z.array(text) }).optional(),
  spared: z.array(text).optional(),
  stableRevisionId: nullable(text),
  watch: nullable(
    z.looseObject({ revisionId: text, since: number, mayRevert: z.boolean(), death: nullable(text) }),
  ).default(null),
  instances: z.array(instance),
  rollout: nullable(
    z.looseObject({
      operationId: text,
      kind: z.enum(['DEPLOY', 'ROLLBACK', 'START']),
      revisionId: text,
      formerRevisionId: nullable(text),
      order: nullable(z.enum(['START_FIRST', 'STOP_FIRST'])),
      startedAt: number,
      switchedVersion: nullable(number),
      holdVersion: nullable(number),
      failure: nullable(failure),
      undoneAt: nullable(number),
      blocked: nullable(z.object({ message: text, retryAt: number, capacityVersion: number.default(0) })),
      note: text.default(''),
    }),
  ),
  routed: z.array(text),
  message: text,
  away: text.optional(),
  parked: text.optional(),
});

const status = z.enum(['CREATING', 'ACTIVE', 'DELETING', 'ERROR']);

export const container: z.ZodType<ContainerRecord> = z.object({
  id: text,
  folderId: text,
  createdAt: number,
  name: text,
  description: text,
  labels: z.record(text, text),
  status,
  version: number,
  state,
});

const specFields = {
  resources: nullable(z.object({ memory: number, cores: number, coreFraction: number })),
  executionTimeoutMs: number,
  concurrency: number,
  gpus: nullable(z.object({ count: number, model: text, minMemory: number })),
  shmSize: number,
  healthCheck: nullable(
    z.object({
      probe: nullable(
        z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('HTTP'), path: text }),
          z.object({ kind: z.literal('TCP') }),
        ]),
      ),
      intervalMs: number,
      timeoutMs: number,
      deadlineMs: number,
    }),
  ),
  rolloutOrder: z.enum(['AUTO', 'START_FIRST', 'STOP_FIRST']),
  pullPolicy: z.enum(['IF_ABSENT', 'ALWAYS']),
  runtime: z.enum(['HTTP', 'PROCESS']),
  minimumRunTimeMs: number,
  minInstances: nullable(number),
};

const spec: z.ZodType<RevisionSpec> = z.object({
  image: z.object({
    url: text,
    command: z.array(text),
    args: z.array(text),
    environment: z.record(text, text),
    workingDir: text,
  }),
  ...specFields,
});

const image = z.object({ digest: text, id: text, pullReference: nullable(text) });
const revisionStatus = z.enum(['CREATING', 'ACTIVE', 'OBSOLETE']);

export const revision: z.ZodType<Revision> = z.object({
  id: text,
  containerId: text,
  folderId: text,
  description: text,
  createdAt: number,
  status: revisionStatus,
  spec,
  image: nullable(image),
});

export const memo: z.ZodType<Memo> = z.object({
  container: z.object({
    folderId: text,
    createdAt: number,
    name: text,
    description: text,
    labels: z.record(text, text),
  }),
  revision: z.object({
    description: text,
    createdAt: number,
    image,
    spec: z.object({
      image: z.object({ url: text, workingDir: text, command: number, args: number, environment: z.array(text) }),
      ...specFields,
    }),
  }),
  address: text,
});

const containerSnapshot = z.object({
  id: text,
  folderId: text,
  createdAt: number,
  name: text,
  description: text,
  labels: z.record(text, text),
  status,
  url: text,
  activeRevisionId: nullable(text),
  stopped: z.boolean(),
  instances: z.array(
    z.object({
      id: text,
      revisionId: text,
      ordinal: number,
      host: text,
      gpuUuids: z.array(text),
      address: text,
      state: z.enum(['STARTING', 'RUNNING', 'DRAINING', 'STOPPED', 'FAILED']),
      message: text,
    }),
  ),
  statusMessage: text,
});

const result: z.ZodType<OperationResult> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ERROR'), failure }),
  z.object({ kind: z.literal('CONTAINER'), container: containerSnapshot }),
  z.object({ kind: z.literal('REVISION'), revision }),
  z.object({ kind: z.literal('EMPTY'), bindings: bindings.optional() }),
]);

const progress: z.ZodType<Progress> = z.object({
  step: z.enum([
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
  ]),
  percent: number,
  bytesDone: number,
  bytesTotal: number,
  rolloutOrder: nullable(z.enum(['START_FIRST', 'STOP_FIRST'])),
  message: text,
});

export const operation: z.ZodType<Operation> = z.object({
  id: text,
  kind: z.enum([
    'UPDATE',
    'SET_ACCESS_BINDINGS',
    'UPDATE_ACCESS_BINDINGS',
    'CREATE',
    'DEPLOY',
    'ROLLBACK',
    'STOP',
    'START',
    'DELETE',
  ]),
  folderId: text,
  containerId: text,
  revisionId: nullable(text),
  createdAt: number,
  createdBy: text,
  description: text.optional(),
  modifiedAt: number,
  state: z.enum(['QUEUED', 'RUNNING', 'DONE']),
  cancelRequested: z.boolean(),
  progress: nullable(progress),
  result: nullable(result),
});

export const host: z.ZodType<HostRecord> = z.object({
  name: text,
  address: text,
  labels: z.record(text, text),
  ports: z.object({ first: number, last: number }),
  state: z.enum(['UNKNOWN', 'UP', 'UNREACHABLE', 'LOST', 'RETURNING', 'REFUSED']),
  since: number.default(0),
  message: text,
  missedLooks: number.default(0),
  silentSince: nullable(number).default(null),
  lookedAt: number.default(0),
  gpus: z.array(z.object({ uuid: text, name: text, memory: number })),
  foreignGpus: z.array(text),
  memory: number,
  cores: number,
  engineVersion: text,
  observedAt: number,
  orphans: z
    .array(
      z.object({
        dockerId: text,
        name: text,
        containerId: text,
        instanceId: text,
        firstSeenAt: number,
        watchedMs: number,
        replicationId: text,
        kept: text,
      }),
    )
    .default([]),
  replicationId: text.optional(),
});

export const route: z.ZodType<Route> = z.object({
  containerId: text,
  version: number,
  state: z.enum(['SERVING', 'HELD', 'STOPPED', 'EMPTY']),
  revisionId: nullable(text),
  targets: z.array(z.object({ instanceId: text, address: text, port: number })),
  concurrency: number,
  executionTimeoutMs: number,
});

export const report: z.ZodType<IngressReport> = z.object({
  ingressId: text,
  appliedVersion: number,
  busyInstances: z.array(text),
});

export const devices = z.object({
  containerId: text,
  instanceId: text,
  host: text,
  gpuUuids: z.array(text),
  port: nullable(number),
  memory: number,
  cores: number,
});

export const pulledImage = z.object({ references: z.array(text), usedAt: number });
