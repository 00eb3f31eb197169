import type { InstanceRecord } from '../../domain/instance.js';
import { faulted, portMoved } from '../../reconciler/instance-transitions.js';
import type { MovePort } from '../../reconciler/step.js';
import { pickPort } from '../../scheduler/port.js';
import { leasedResources } from '../../scheduler/resources.js';
import { changeTo, instanceOf, type Outcome, revisionOf, type StepContext, save, stateOf } from './context.js';
import { transitionFields } from './tell.js';

/** The lease with the new port replaces the one with the old, in one script; devices and the rest of it stay as they are. */
export async function movePort(step: MovePort, context: StepContext): Promise<Outcome> {
  const instance = instanceOf(context, step.instanceId);
  const { id: instanceId, host, gpuUuids, port: former, avoidPorts } = instance;
  const port = await anotherPort(instance, context);
  if (port === null) return stuck(`no port of ${host} is left`, instance, context);
  const { resources } = revisionOf(context, instance.revisionId).spec;
  const devices = { instanceId, host, gpuUuids, port, ...leasedResources(resources) };
  const state = portMoved(stateOf(context), instanceId, port, context.view.now);
  const outcome = await context.deps.work.place(context.lease, { ...changeTo(context, state), devices });
  if (outcome !== 'PLACED') return stuck(`port ${port} of ${host} or a device was taken meanwhile`, instance, context);
  const fields = transitionFields(context, { instance, from: former, to: port, taken: avoidPorts });
  context.deps.log.warn(fields, 'moved an instance away from a port that something else uses');
  return 'AGAIN';
}

async function anotherPort({ id, host, port, avoidPorts }: InstanceRecord, context: StepContext) {
  const snapshot = (await context.deps.hostWork.hosts()).find((one) => one.host.name === host);
  if (snapshot === undefined) return null;
  const takenPorts = new Set([...snapshot.takenPorts, ...avoidPorts]);
  return pickPort({ ...snapshot, takenPorts }, `${id}:${port}`);
}

function stuck(message: string, { id }: InstanceRecord, context: StepContext): Promise<Outcome> {
  const fault = { step: 'MOVE_PORT', kind: 'TRANSIENT', message, jitter: context.deps.random() } as const;
  return save(context, faulted(stateOf(context), id, fault, context.view.now));
}
