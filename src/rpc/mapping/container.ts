import {
  Container_Status,
  type Container as ContainerMessage,
  Instance_State,
  type Instance as InstanceMessage,
} from '../../../gen/ts/longshore/containers/v1/container.js';
import type { Container, ContainerStatus } from '../../domain/container.js';
import type { Instance, InstanceState } from '../../domain/instance.js';
import { toDate, toMap } from './values.js';

const STATUS: Readonly<Record<ContainerStatus, Container_Status>> = {
  CREATING: Container_Status.CREATING,
  ACTIVE: Container_Status.ACTIVE,
  DELETING: Container_Status.DELETING,
  ERROR: Container_Status.ERROR,
};

const INSTANCE_STATE: Readonly<Record<InstanceState, Instance_State>> = {
  STARTING: Instance_State.STATE_STARTING,
  RUNNING: Instance_State.STATE_RUNNING,
  DRAINING: Instance_State.STATE_DRAINING,
  STOPPED: Instance_State.STATE_STOPPED,
  FAILED: Instance_State.STATE_FAILED,
};

export function toContainer(container: Container): ContainerMessage {
  return {
    id: container.id,
    folderId: container.folderId,
    createdAt: toDate(container.createdAt),
    name: container.name,
    description: container.description,
    labels: toMap(container.labels),
    url: container.url,
    status: STATUS[container.status],
    activeRevisionId: container.activeRevisionId ?? '',
    instances: container.instances.map(toInstance),
    statusMessage: container.statusMessage,
    stopped: container.stopped,
  };
}

function toInstance(instance: Instance): InstanceMessage {
  return {
    id: instance.id,
    revisionId: instance.revisionId,
    ordinal: BigInt(instance.ordinal),
    host: instance.host,
    gpuUuids: [...instance.gpuUuids],
    address: instance.address,
    state: INSTANCE_STATE[instance.state],
    message: instance.message,
  };
}
