import type { Failure } from '../domain/errors.js';
import type { InstanceRecord, StepFault } from '../domain/instance.js';
import type { Operation } from '../domain/operation.js';
import { INSTANCE_PORT } from '../domain/revision.js';
import { type Trouble, troubleText } from '../domain/trouble.js';
import type { Step } from './step.js';
import type { HostedInstance } from './view.js';

/** What a step is called in failures, and the reason when it fails. */
const STEP_FAILURE: Partial<
  Record<Step['kind'], { readonly step: string; readonly reason: string; readonly verb: string }>
> = {
  MOVE_PORT: { step: 'PLACE', reason: 'PORT_TAKEN', verb: 'move to another port' },
  PULL_IMAGE: { step: 'PULL', reason: 'IMAGE_PULL_FAILED', verb: 'pull the image' },
  CREATE_CONTAINER: { step: 'CREATE', reason: 'CREATE_FAILED', verb: 'create the container' },
  START_CONTAINER: { step: 'START', reason: 'START_FAILED', verb: 'start the container' },
  STOP_CONTAINER: { step: 'STOP', reason: 'STOP_FAILED', verb: 'stop the container' },
  REMOVE_CONTAINER: { step: 'REMOVE', reason: 'REMOVE_FAILED', verb: 'remove the container' },
};

export function stepFailed(instance: InstanceRecord, stepKind: Step['kind'], fault: StepFault): Failure {
  const named = STEP_FAILURE[stepKind] ?? { step: stepKind, reason: 'STEP_FAILED', verb: stepKind };
  if (fault.kind === 'UNREACHABLE') return hostUnreachable(instance.host, named.step, fault.message);
  return {
    code: 'FAILED_PRECONDITION',
    reason: fault.reason ?? named.reason,
    message: `could not ${named.verb} on ${instance.host}: ${fault.message}`,
    metadata: { step: named.step, host: instance.host, instance: instance.id },
  };
}

export function portsTaken({ id, host, avoidPorts }: InstanceRecord): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'PORT_TAKEN',
    message: `could not start the container on ${host}: the ports ${avoidPorts.join(', ')} are in use there by something else`,
    metadata: { step: 'START', host, instance: id },
  };
}

export function instanceExited(instance: InstanceRecord, observed: HostedInstance): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'INSTANCE_EXITED',
    message: `the instance on ${instance.host} ${exitText(observed)} before it was healthy`,
    metadata: {
      step: 'HEALTHY',
      host: instance.host,
      instance: instance.id,
      exit_code: String(observed.exitCode),
    },
  };
}

export function exitText({ exitCode, oomKilled, error }: HostedInstance): string {
  const memory = oomKilled ? ', out of memory' : '';
  return `exited with code ${exitCode}${memory}${error === '' ? '' : `: ${error}`}`;
}

export function healthDeadlinePassed(instance: InstanceRecord, deadlineMs: number, last: string | null): Failure {
  const found = last === null ? '' : `; last: ${last}`;
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'HEALTH_DEADLINE',
    message: `the instance on ${instance.host} was not healthy within ${deadlineMs / 1000} s of its start${found}${hintFor(instance)}`,
    metadata: { step: 'HEALTHY', host: instance.host, instance: instance.id },
  };
}

/** The likeliest reason for an image that is new here. */
function hintFor({ port }: InstanceRecord): string {
  return port === null ? '' : `; it has to listen on the port that its environment names as PORT (${INSTANCE_PORT})`;
}

export function hostUnreachable(host: string, step: string, why: string): Failure {
  return {
    code: 'UNAVAILABLE',
    reason: 'HOST_UNREACHABLE',
    message: `host ${host} cannot be reached: ${why}`,
    metadata: { step, host },
  };
}

export function removalHangs({ id, host }: InstanceRecord, name: string): Failure {
  return {
    code: 'UNAVAILABLE',
    reason: 'REMOVE_FAILED',
    message: `the engine of host ${host} has begun to remove ${name} and does not come to its end; restart that engine`,
    metadata: { step: 'REMOVE', host, instance: id },
  };
}

export function noCapacity(waitedMs: number, why: string): Failure {
  return {
    code: 'RESOURCE_EXHAUSTED',
    reason: 'NO_CAPACITY',
    message: `no host had room within ${waitedMs / 1000} s: ${why}`,
    metadata: { step: 'PLACE' },
    quota: [{ subject: 'hosts', description: why }],
  };
}

export function stopFirstImpossible(why: string): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'STOP_FIRST_IMPOSSIBLE',
    message: `${why}; this revision does not fit that: deploy it with rollout_order START_FIRST or AUTO`,
    metadata: { step: 'PLACE' },
  };
}

export function cancelled({ progress }: Operation, why: string): Failure {
  const metadata = { step: progress?.step ?? 'ADMIT' };
  return { code: 'CANCELLED', reason: 'OPERATION_CANCELLED', message: `the operation was cancelled ${why}`, metadata };
}

/** `undoing`: what the operation was being undone for when the work on it failed. */
export function workFailed(
  { progress }: Operation,
  trouble: Pick<Trouble, 'count' | 'reason'>,
  undoing: Failure | null,
): Failure {
  const step = progress?.step ?? 'ADMIT';
  const where = trouble.reason === '' ? `; it had come as far as ${step}` : '';
  const why = undoing === null ? '' : `; it was being undone, because ${undoing.message}`;
  return {
    code: 'INTERNAL',
    reason: 'WORK_FAILED',
    message: `given up: ${troubleText(trouble)}${where}${why}`,
    metadata: { step, failures: String(trouble.count), ...(undoing && { undone_for: undoing.reason }) },
  };
}

export function nothingDeployed(): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'NOTHING_DEPLOYED',
    message: 'the container has no active revision that could be started: deploy one',
    metadata: { step: 'ADMIT' },
  };
}

export function revisionGone(revisionId: string): Failure {
  return {
    code: 'FAILED_PRECONDITION',
    reason: 'REVISION_GONE',
    message: `revision ${revisionId} is gone`,
    metadata: { step: 'ADMIT' },
  };
}

/** The rollout's own failure stays what clients compare; that the former revision does not serve is said with it. */
export function notRestored(failure: Failure, former: InstanceRecord, why: string): Failure {
  return {
    ...failure,
    message: `${failure.message}; and the former instance on ${former.host} could not be restored yet: ${why}`,
    metadata: { ...failure.metadata, not_restored: former.id },
  };
}
