import type { Container, ContainerRecord } from './container.js';
import type { ContainerState, Rollout } from './container-state.js';
import type { Instance, InstanceRecord, InstanceState } from './instance.js';

/** The container as callers see it. `url` is where its active revision is called. */
export function containerView(record: ContainerRecord, url: string): Container {
  return {
    id: record.id,
    folderId: record.folderId,
    createdAt: record.createdAt,
    name: record.name,
    description: record.description,
    labels: record.labels,
    status: record.status,
    url,
    activeRevisionId: record.state.activeRevisionId,
    stopped: record.state.stopped !== undefined,
    instances: record.state.instances.map(instanceView),
    statusMessage: record.state.parked ?? record.state.away ?? statusMessage(record.state),
  };
}

/** The instance as callers see it: GPUs only while it holds them, an address only while somebody may listen there. */
export function instanceView(record: InstanceRecord): Instance {
  const state = stateOf(record);
  const reachable = record.port !== null && (state === 'RUNNING' || state === 'STARTING' || state === 'DRAINING');
  return {
    id: record.id,
    revisionId: record.revisionId,
    ordinal: record.ordinal,
    host: record.host,
    gpuUuids: record.leased ? record.gpuUuids : [],
    address: reachable ? `${bracketed(record.address)}:${record.port}` : '',
    state,
    message:
      sentences(record.failed, unsaidFault(record), unsaid(record)) ||
      (record.role === 'DISCARDED' ? 'being removed' : ''),
  };
}

/** What happened to it, and what stands in the way of mending it. */
function statusMessage({ stopped, rollout, message, instances }: ContainerState): string {
  const faults = instances.map(({ role, fault }) => (role === 'SERVING' ? fault?.message : null));
  return sentences(stopped && stoppedText(instances, rollout), message, ...faults, ...instances.map(unsaid));
}

function stoppedText(instances: readonly InstanceRecord[], rollout: Rollout | null): string {
  const stops = instances.some(({ role, leased }) => role === 'DRAINING' || (leased && role !== 'CANDIDATE'));
  const starts = rollout !== null && rollout.failure === null;
  return `${stops ? 'being stopped' : 'stopped'} on request${starts ? ', and about to be started' : ''}`;
}

/** What stands in the way, where why it was given up does not say so already. */
function unsaidFault({ failed, fault }: InstanceRecord): string | null {
  return fault === null || failed?.includes(fault.message) ? null : fault.message;
}

/** That it may run, where why it was given up does not say so already. */
function unsaid({ failed, unseen }: InstanceRecord): string | null {
  return unseen !== null && failed?.includes(unseen) ? null : unseen;
}

function sentences(...texts: readonly (string | null | undefined)[]): string {
  const said = texts.filter((text) => text != null && text !== '');
  return said.length > 1 ? [...new Set(said)].join('; ') : (said[0] ?? '');
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

function stateOf({ role, failed, healthyAt }: InstanceRecord): InstanceState {
  switch (role) {
    case 'CANDIDATE':
      return failed === null ? 'STARTING' : 'FAILED';
    case 'SERVING':
      if (failed !== null) return 'FAILED';
      return healthyAt === null ? 'STARTING' : 'RUNNING';
    case 'DRAINING':
      return 'DRAINING';
    case 'HELD':
      return 'STOPPED';
    case 'RETAINED':
    case 'DISCARDED':
      return failed === null ? 'STOPPED' : 'FAILED';
  }
}
