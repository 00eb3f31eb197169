import type { Failure } from '../domain/errors.js';
import type { InstanceRecord } from '../domain/instance.js';
import { isUp, observedOf } from './presence.js';
import type { RemoveContainer, Wait } from './step.js';
import type { ContainerView, HostedInstance } from './view.js';

/*
 * An engine that is killed while it starts a container forgets the start, and containerd below it does not. When the engine is back it shows a container
 * that does not run, and what it answers to the next start tells what containerd has of it. Where the program never began, another container does as well.
 * Where it may have begun, no call to the engine can tell whether it runs, or end it: the instance keeps its devices and its Docker container, which is
 * the only trace of it. One that is wanted is started again and again, and the first start that is answered otherwise shows that the program is gone. One
 * that is not must not be started, so it waits for a person who ends the program and removes the container.
 */

/** What containerd calls the containers of Docker's. */
const NAMESPACE = 'moby';

/** For people: what `RUNS_UNSEEN` means for a Docker container, and how to end what may run. */
export function unseenText(words: string, dockerId: string): string {
  const command = `ctr --namespace ${NAMESPACE} tasks kill --signal KILL ${dockerId}`;
  return `${words}: its program may run unseen by Docker, which was killed in a start of it; end it on its host with: ${command}`;
}

/** Whether an instance may run though its Docker container does not. Without that container nothing can be told, and somebody has taken it away. */
export function mayRunUnseen(view: ContainerView, instance: InstanceRecord): boolean {
  if (instance.unseen === null) return false;
  const observed = observedOf(view, instance);
  return observed !== undefined && !isUp(observed);
}

/** Nothing but a person's deed ends it, and that is heard of. */
export function waitForEnd({ host, unseen }: InstanceRecord): Wait {
  return { kind: 'WAIT', until: null, reason: `an instance on ${host} may run: ${unseen}` };
}

export function runsUnseen({ id, host, unseen }: InstanceRecord, observed: HostedInstance | undefined): Failure {
  const removal = observed === undefined ? '' : `, then remove it with: docker rm ${observed.name}`;
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'RUNS_UNSEEN',
    message: `the instance on ${host} may run, and keeps its devices: ${unseen}${removal}`,
    metadata: { step: 'STOP', host, instance: id },
  };
}

/** The removal of a container that no start will ever succeed for, though another would do; null: it may be started. */
export function leaveHalfStarted(
  { id, fault }: InstanceRecord,
  { host, name }: HostedInstance,
): RemoveContainer | null {
  if (fault?.reason !== 'HALF_STARTED') return null;
  return { kind: 'REMOVE_CONTAINER', host, instanceId: id, name, reason: `it cannot be started: ${fault.message}` };
}
