import type { ContainerRecord } from '../domain/container.js';
import { type ContainerState, EMPTY_STATE } from '../domain/container-state.js';
import type { InstanceRecord, InstanceRole } from '../domain/instance.js';
import { type Makings, type Memo, recalledSpec } from '../domain/memo.js';
import { isActive } from '../domain/observed-instance.js';
import type { Revision, RevisionSpec } from '../domain/revision.js';
import { isReserved, specHash } from '../engine/docker-spec.js';
import type { HostedInstance } from '../reconciler/view.js';
import { leasedResources } from '../scheduler/resources.js';
import { decodeMemo } from '../store/codec.js';
import type { DeviceLease, Rebuild } from '../store/work.js';

/** A Docker container of ours whose records can be told exactly. */
export interface Recalled {
  readonly observed: HostedInstance;
  readonly memo: Memo;
  readonly spec: RevisionSpec;
}

/**
 * What the records of a Docker container were, or why that cannot be told. The hash in its labels is of all that Docker fixed when it was made, so it proves
 * what was put together here.
 */
export function recall(observed: HostedInstance, makings: Makings): Recalled | string {
  if (makings.memo === '') return 'it carries no memo of its records: an older version made it';
  let memo: Memo;
  try {
    memo = decodeMemo(makings.memo);
  } catch (error) {
    return `the memo of its records cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const kept = memo.revision.spec;
  const spec = recalledSpec(kept, makings, (name) => isReserved(name, kept));
  const { imageId, gpuUuids, port } = observed;
  if (specHash({ imageId, spec, gpuUuids, port, address: memo.address }) !== observed.specHash)
    return 'it is not what its labels say that it was made from';
  return { observed, memo, spec };
}

/** Those that run, the one that took over last first: of two on one engine it was started later; clocks of two hosts are never compared. */
export function latestFirst(running: readonly HostedInstance[]): readonly HostedInstance[] {
  const startOf = ({ startedAt }: HostedInstance): number => Date.parse(startedAt) || 0;
  return running.toSorted((one, other) => {
    const later = one.host === other.host ? startOf(other) - startOf(one) : 0;
    return later || other.identity.generation - one.identity.generation || other.fence - one.fence;
  });
}

/** One for each instance: what runs, else what was named last. */
export function onePerInstance(found: readonly HostedInstance[]): readonly HostedInstance[] {
  const best = new Map<string, HostedInstance>();
  for (const one of found) {
    const { instanceId } = one.identity;
    const other = best.get(instanceId);
    const runs = Number(isActive(one.state)) - Number(other !== undefined && isActive(other.state));
    if (other === undefined || runs > 0 || (runs === 0 && one.fence > other.fence)) best.set(instanceId, one);
  }
  return [...best.values()];
}

export interface Remains {
  readonly containerId: string;
  /** What Redis knows of it, from a time before; null: nothing. */
  readonly known: { readonly record: ContainerRecord; readonly state: string } | null;
  readonly serving: Recalled;
  /** Its other Docker containers of which the records can be told. */
  readonly others: readonly Recalled[];
  /** All of its Docker containers, on the hosts that could be looked at. */
  readonly observed: readonly HostedInstance[];
  readonly unobserved: ReadonlySet<string>;
  /** Redis time. */
  readonly now: number;
}

/**
 * The records that what runs stands for: `serving` is the active revision's, and takes part in what its container does from then on. What else runs is
 * drained and kept stopped, what is stopped is kept for a rollback.
 */
export function rebuiltOf(remains: Remains): Rebuild {
  const { containerId, known, serving, others } = remains;
  const state = stateOf(remains);
  const record = known?.record ?? { id: containerId, ...serving.memo.container };
  const { id, folderId, createdAt, name, description, labels } = record;
  const revisions = new Map<string, Revision>();
  for (const one of [serving, ...others]) {
    const revision = revisionOf(one, folderId, one === serving ? 'ACTIVE' : 'OBSOLETE');
    if (!revisions.has(revision.id)) revisions.set(revision.id, revision);
  }
  const specs = new Map([...revisions.values()].map((revision) => [revision.id, revision.spec]));
  return {
    container: { id, folderId, createdAt, name, description, labels },
    known: known?.state ?? null,
    // Those that were made later are listed first.
    revisions: [...revisions.values()].toSorted((one, other) => one.createdAt - other.createdAt),
    state,
    devices: state.instances.flatMap((instance) => leaseOf(instance, specs.get(instance.revisionId))),
    leased: state.instances.filter(({ leased }) => leased).map(({ id: instanceId }) => instanceId),
  };
}

function stateOf(remains: Remains): ContainerState {
  const { known, serving, others, observed, now } = remains;
  const before = known?.record.state ?? EMPTY_STATE;
  const { revisionId } = serving.observed.identity;
  const remembered = before.instances.map((instance) => resumed(instance, remains));
  const ids = new Set(remembered.map(({ id }) => id));
  const found = [serving, ...others].flatMap((one) =>
    ids.has(one.observed.identity.instanceId) ? [] : [instanceOf(one, one === serving ? 'SERVING' : restOf(one), now)],
  );
  return {
    ...before,
    generation: Math.max(before.generation, ...observed.map(({ identity }) => identity.generation)),
    activeRevisionId: revisionId,
    stopped: undefined,
    stableRevisionId: revisionId,
    watch: null,
    away: undefined,
    rollout: null,
    instances: [...found, ...remembered],
    message: '',
  };
}

const restOf = ({ observed }: Recalled): InstanceRole => (isActive(observed.state) ? 'DRAINING' : 'RETAINED');

const UNTOUCHED = {
  ...{ startedAt: null, engineStartedAt: null, healthyAt: null, drainVersion: null, drainDeadline: null },
  ...{ failed: null, unseen: null, fault: null, restarts: 0 },
} as const;

/** One that Redis remembers. What was wanted of it then is over, but for its going; what runs may have another port by now. */
function resumed(instance: InstanceRecord, { serving, observed, unobserved, now }: Remains): InstanceRecord {
  const runs = observed.find(({ identity, state }) => identity.instanceId === instance.id && isActive(state));
  const { port } = runs ?? instance;
  if (instance.id === serving.observed.identity.instanceId)
    return { ...instance, ...UNTOUCHED, port, role: 'SERVING', leased: true, created: true, changedAt: now };
  if (instance.role === 'DISCARDED') return instance;
  // What cannot be seen may run: its devices stay its own.
  const leased = instance.leased && (runs !== undefined || instance.unseen !== null || unobserved.has(instance.host));
  const role = runs === undefined ? 'RETAINED' : 'DRAINING';
  return { ...instance, port, role, leased, drainVersion: null, drainDeadline: null, changedAt: now };
}

function instanceOf({ observed, memo }: Recalled, role: InstanceRole, now: number): InstanceRecord {
  const { identity, host, gpuUuids, port } = observed;
  const { instanceId: id, revisionId, ordinal } = identity;
  const made = { imageReady: true, createIntended: true, created: true };
  const place = { host, address: memo.address, gpuUuids, port, avoidPorts: [], leased: role !== 'RETAINED' };
  return { id, revisionId, ordinal, role, ...place, ...made, ...UNTOUCHED, changedAt: now };
}

function revisionOf({ observed, memo, spec }: Recalled, folderId: string, status: Revision['status']): Revision {
  const { revisionId: id, containerId } = observed.identity;
  const { description, createdAt, image } = memo.revision;
  return { id, containerId, folderId, description, createdAt, status, spec, image };
}

/** Of one that Redis remembered with its lease, and whose revision was not told here, the lease stays as it was. */
function leaseOf(instance: InstanceRecord, spec: RevisionSpec | undefined): readonly DeviceLease[] {
  if (!instance.leased || spec === undefined) return [];
  const { id: instanceId, host, gpuUuids, port } = instance;
  return [{ instanceId, host, gpuUuids, port, ...leasedResources(spec.resources) }];
}
