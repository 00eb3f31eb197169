import type { InstanceRecord } from '../domain/instance.js';
import { healthyFrom, isRecorded } from './bring-up.js';
import { sameDevices } from './devices.js';
import { exitText } from './failures.js';
import { GPU_GONE, leaveGpu } from './gone-gpu.js';
import { restartDelay } from './instance-transitions.js';
import { isPortTaken, leavePort, withdrawRoute } from './port-clash.js';
import { isUp, observedOf, POLL_MS, paced } from './presence.js';
import type { Step } from './step.js';
import { leaveHalfStarted, mayRunUnseen, waitForEnd } from './unseen.js';
import type { ContainerView, HostedInstance } from './view.js';
import { checkAgain } from './watch.js';

/** So many starts in a row that fail say that the container itself cannot start. */
const HOPELESS_STARTS = 3;
/** Reasons of starts that fail whatever the container is like. */
const ELSEWHERE: ReadonlySet<string> = new Set(['GPU_TAKEN', GPU_GONE]);

/** Keeps a serving instance up: started in place where it can be, else created anew with the same devices and port. Never gives up. */
export function keepServing(view: ContainerView, instance: InstanceRecord): Step | null {
  // It is moved, and not made anew where it was.
  if (view.gone.has(instance.host)) return null;
  if (!instance.leased) return takeBack(view, instance);
  const observed = observedOf(view, instance);
  if (observed === undefined) return createAnew(view, instance);
  switch (observed.state) {
    case 'REMOVING':
      return { kind: 'WAIT', until: view.now + POLL_MS, reason: 'the serving container is being removed' };
    case 'PAUSED':
      // Somebody's doing, and theirs to undo: it runs on where it stopped, and is probed again then.
      return note(instance, `the instance on ${instance.host} is paused`, false);
    case 'RUNNING':
    case 'RESTARTING':
      return watch(view, instance, observed);
    case 'DEAD':
      return noteExit(instance, observed) ?? removeBroken(view, instance, observed);
    case 'CREATED':
    case 'EXITED':
      return noteExit(instance, observed) ?? startAgain(view, instance, observed);
  }
}

/** A stop-first rollout that could not be undone in time left its leases with another instance, which is to be down first. */
function takeBack(view: ContainerView, instance: InstanceRecord): Step | null {
  const other = view.state.instances.find((candidate) => candidate.leased && sameDevices(candidate, instance));
  if (other === undefined || other.role === 'CANDIDATE') return null;
  const observed = observedOf(view, other);
  if (observed?.state === 'REMOVING') {
    return { kind: 'WAIT', until: view.now + POLL_MS, reason: 'a container is being removed' };
  }
  if (mayRunUnseen(view, other)) return waitForEnd(other);
  if (observed === undefined || !isUp(observed)) {
    return { kind: 'TAKE_DEVICES_BACK', fromInstanceId: other.id, toInstanceId: instance.id };
  }
  return paced(view, other, { kind: 'STOP_CONTAINER', instanceId: other.id, name: observed.name });
}

function noteExit(instance: InstanceRecord, observed: HostedInstance): Step | null {
  return note(instance, `the instance on ${instance.host} ${exitText(observed)}`, true);
}

/** Once for each start. */
function note({ id, startedAt }: InstanceRecord, reason: string, died: boolean): Step | null {
  return startedAt === null ? null : { kind: 'NOTE_EXIT', instanceId: id, reason, died };
}

function createAnew(view: ContainerView, instance: InstanceRecord): Step | null {
  const gone = note(instance, `the container of the instance on ${instance.host} was removed by somebody else`, true);
  if (gone !== null) return gone;
  if (!view.revisions.has(instance.revisionId)) return null;
  if (isPortTaken(instance)) {
    return withdrawRoute(view, instance) ?? paced(view, instance, { kind: 'MOVE_PORT', instanceId: instance.id });
  }
  const step: Step = instance.imageReady
    ? { kind: 'CREATE_CONTAINER', instanceId: instance.id }
    : { kind: 'PULL_IMAGE', instanceId: instance.id };
  return whenDue(view, instance, paced(view, instance, step));
}

function startAgain(view: ContainerView, instance: InstanceRecord, observed: HostedInstance): Step {
  const { id, fault } = instance;
  const half = leaveHalfStarted(instance, observed);
  if (half !== null) return paced(view, instance, half);
  const removal = instance.unseen === null ? leavePort(instance, observed) : null;
  if (removal !== null) return withdrawRoute(view, instance) ?? paced(view, instance, removal);
  const leaving = leaveGpu(view, instance);
  if (leaving !== null) return leaving;
  const start: Step = { kind: 'START_CONTAINER', instanceId: id, name: observed.name, restart: true };
  const step = paced(view, instance, start);
  const failedStart = step.kind !== 'WAIT' && fault?.step === 'START_CONTAINER' ? fault : null;
  const hopeless = failedStart !== null && (failedStart.kind === 'PERMANENT' || failedStart.count >= HOPELESS_STARTS);
  // What stands in the way of those is not the container's own, or is what another one must not run beside.
  const elsewhere =
    failedStart?.kind === 'UNREACHABLE' || ELSEWHERE.has(failedStart?.reason ?? '') || instance.unseen !== null;
  if (hopeless && !elsewhere) return removeBroken(view, instance, observed);
  return whenDue(view, instance, step);
}

function removeBroken(view: ContainerView, instance: InstanceRecord, { host, name }: HostedInstance): Step {
  const reason = `it cannot be started: ${instance.fault?.message ?? 'Docker calls it dead'}`;
  return paced(view, instance, { kind: 'REMOVE_CONTAINER', host, instanceId: instance.id, name, reason });
}

/** Somebody put another container in its place, with our labels, to which no request would find its way. */
function removeReplacement(view: ContainerView, instance: InstanceRecord, observed: HostedInstance): Step | null {
  const reason = `the instance on ${instance.host} was replaced by one that publishes ${observed.port ?? 'no port'}`;
  const removal = leavePort(instance, observed);
  return (
    note(instance, reason, true) ??
    withdrawRoute(view, instance) ??
    (removal === null ? null : paced(view, instance, removal))
  );
}

function whenDue(view: ContainerView, instance: InstanceRecord, step: Step): Step {
  const due = instance.changedAt + restartDelay(instance.restarts);
  if (view.now >= due) return step;
  return { kind: 'WAIT', until: due, reason: `starts again later, after ${instance.restarts} starts in short order` };
}

function watch(view: ContainerView, instance: InstanceRecord, observed: HostedInstance): Step | null {
  const { id } = instance;
  if (observed.port !== instance.port) return removeReplacement(view, instance, observed);
  if (!isRecorded(instance, observed)) {
    return paced(view, instance, { kind: 'START_CONTAINER', instanceId: id, name: observed.name, restart: false });
  }
  const spec = view.revisions.get(instance.revisionId)?.spec;
  if (spec === undefined) return null;
  if (instance.healthyAt !== null) return checkAgain(view, instance);
  const from = healthyFrom(instance, spec);
  if (view.now < from) return { kind: 'WAIT', until: from, reason: 'runs for its minimum run time' };
  return paced(view, instance, { kind: 'PROBE_INSTANCE', instanceId: id });
}
