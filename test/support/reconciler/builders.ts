import { EMPTY_STATE, type Rollout } from '../../../src/domain/container-state.js';
import type { HostRecord } from '../../../src/domain/host.js';
import type { InstanceRecord } from '../../../src/domain/instance.js';
import { instanceName } from '../../../src/domain/observed-instance.js';
import type { Operation, OperationKind } from '../../../src/domain/operation.js';
import type { Revision, RevisionSpec } from '../../../src/domain/revision.js';
import type { ContainerView, HostedInstance, ReconcilePolicy } from '../../../src/reconciler/view.js';
import { freeGpus } from '../../../src/scheduler/gpu.js';
import type { HostSnapshot, PlacementRequest } from '../../../src/scheduler/placement.js';

export const NOW = 1_000_000;
export const FENCE = 7;
export const STARTED = '2026-01-01T00:00:00Z';

export const POLICY: ReconcilePolicy = {
  placeTimeoutMs: 300_000,
  healthDeadlineMs: 60_000,
  retryBudgetMs: 30_000,
  drainTimeoutMs: 30_000,
  keepDrainingMs: 0,
  watchWindowMs: 60_000,
  retainedInstances: 2,
  unreachableDeadlineMs: 60_000,
  moveFromLost: false,
};

export function aSpec(part: Partial<RevisionSpec> = {}): RevisionSpec {
  return {
    image: { url: 'app:1', command: [], args: [], environment: {}, workingDir: '' },
    resources: null,
    executionTimeoutMs: 1000,
    concurrency: 0,
    gpus: null,
    shmSize: 0,
    healthCheck: null,
    rolloutOrder: 'AUTO',
    pullPolicy: 'IF_ABSENT',
    runtime: 'HTTP',
    minimumRunTimeMs: 5000,
    minInstances: null,
    ...part,
  };
}

export function aRevision(id: string, spec: Partial<RevisionSpec> = {}, part: Partial<Revision> = {}): Revision {
  return {
    id,
    containerId: 'c',
    folderId: 'f',
    description: '',
    createdAt: 0,
    status: 'CREATING',
    spec: aSpec(spec),
    image: null,
    ...part,
  };
}

export function anOperation(id: string, kind: OperationKind, part: Partial<Operation> = {}): Operation {
  return {
    id,
    kind,
    folderId: 'f',
    containerId: 'c',
    revisionId: null,
    createdAt: NOW,
    createdBy: 'somebody',
    modifiedAt: NOW,
    state: 'RUNNING',
    cancelRequested: false,
    progress: null,
    result: null,
    ...part,
  };
}

export function aRollout(part: Partial<Rollout> = {}): Rollout {
  return {
    operationId: 'op',
    kind: 'DEPLOY',
    revisionId: 'r2',
    formerRevisionId: 'r1',
    order: null,
    startedAt: NOW - 1000,
    switchedVersion: null,
    holdVersion: null,
    failure: null,
    undoneAt: null,
    blocked: null,
    note: '',
    ...part,
  };
}

/** Placed and leased; nothing is on its host yet. */
export function anInstance(id: string, part: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    id,
    revisionId: 'r1',
    ordinal: 0,
    role: 'CANDIDATE',
    host: 'h1',
    address: '10.0.0.1',
    gpuUuids: [],
    port: 40_000,
    avoidPorts: [],
    leased: true,
    imageReady: false,
    createIntended: false,
    created: false,
    startedAt: null,
    engineStartedAt: null,
    healthyAt: null,
    drainVersion: null,
    drainDeadline: null,
    failed: null,
    unseen: null,
    restarts: 0,
    fault: null,
    changedAt: NOW - 500,
    ...part,
  };
}

/** Created, started and, unless `part` says otherwise, healthy and serving. */
export function aServing(id: string, part: Partial<InstanceRecord> = {}): InstanceRecord {
  return anInstance(id, {
    role: 'SERVING',
    imageReady: true,
    createIntended: true,
    created: true,
    startedAt: NOW - 400,
    engineStartedAt: STARTED,
    healthyAt: NOW - 300,
    ...part,
  });
}

/** Stopped, without leases. */
export function aRetained(id: string, part: Partial<InstanceRecord> = {}): InstanceRecord {
  return aServing(id, {
    role: 'RETAINED',
    leased: false,
    startedAt: null,
    engineStartedAt: null,
    healthyAt: null,
    ...part,
  });
}

export function seen(instance: InstanceRecord, part: Partial<HostedInstance> = {}): HostedInstance {
  const fence = part.fence ?? FENCE;
  return {
    host: instance.host,
    dockerId: `docker-${instance.id}-${fence}`,
    name: instanceName(instance.id, fence),
    identity: {
      controlPlaneId: 'p',
      containerId: 'c',
      revisionId: instance.revisionId,
      instanceId: instance.id,
      ordinal: instance.ordinal,
      generation: 1,
      operationId: 'op',
    },
    fence,
    specHash: '',
    state: 'RUNNING',
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt: STARTED,
    health: null,
    imageId: 'sha256:1',
    gpuUuids: instance.gpuUuids,
    port: instance.port,
    ...part,
  };
}

export interface ViewParts extends Partial<Omit<ContainerView, 'revisions' | 'state'>> {
  readonly revisions?: readonly Revision[];
  readonly state?: Partial<ContainerView['state']>;
}

/** A quiet view of container `c` at NOW with revisions r1 and r2. What serves and is healthy is routed. */
export function aView(parts: ViewParts = {}): ContainerView {
  const { revisions = [aRevision('r1'), aRevision('r2')], state = {}, ...rest } = parts;
  const serving = (state.instances ?? []).filter(({ role, healthyAt }) => role === 'SERVING' && healthyAt !== null);
  return {
    now: NOW,
    containerId: 'c',
    status: 'ACTIVE',
    state: { ...EMPTY_STATE, generation: 1, routed: serving.map(({ id }) => id), ...state },
    revisions: new Map(revisions.map((revision) => [revision.id, revision])),
    running: null,
    queued: null,
    deleteRequested: false,
    ingresses: [],
    capacityVersion: 1,
    capacityWanted: false,
    fence: FENCE,
    unclean: false,
    observed: [],
    unobserved: new Map(),
    lost: new Set(),
    gone: new Set(),
    policy: POLICY,
    ...rest,
  };
}

export function aHost(name: string, part: Partial<HostRecord> = {}): HostRecord {
  return {
    name,
    address: `address-of-${name}`,
    labels: {},
    ports: { first: 40_000, last: 40_009 },
    state: 'UP',
    since: 1,
    message: '',
    missedLooks: 0,
    silentSince: null,
    lookedAt: 1,
    gpus: [],
    foreignGpus: [],
    memory: 0,
    cores: 0,
    engineVersion: '26.1.5',
    observedAt: 1,
    orphans: [],
    ...part,
  };
}

export function aSnapshot(host: HostRecord, part: Partial<HostSnapshot> = {}): HostSnapshot {
  return {
    host,
    takenGpus: new Set(),
    freeGpus: freeGpus(host, part.takenGpus ?? new Set()),
    takenPorts: new Set(),
    instances: 0,
    leasedMemory: 0,
    leasedCores: 0,
    ...part,
  };
}

export function aRequest(part: Partial<PlacementRequest> = {}): PlacementRequest {
  return { gpus: null, resources: null, needsPort: false, imageHosts: null, ...part };
}
