import type { Failure } from '../../domain/errors.js';
import type { Operation, OperationResult } from '../../domain/operation.js';
import { EngineError } from '../../engine/driver.js';
import type { CompleteOperation, RemoveRecords, TakeOperation, UndoRollout } from '../../reconciler/step.js';
import { completed, operationTaken, undone } from '../../reconciler/transitions.js';
import type { LoadedContainer } from '../../store/work.js';
import {
  changeTo,
  engineOf,
  loadedAfter,
  type Outcome,
  observedOf,
  type StepContext,
  save,
  stateOf,
} from './context.js';
import { tell } from './tell.js';

/** How much of a failed instance's output its operation shows. */
const LOG_LIMIT = { lines: 20, bytes: 4096 };

export async function takeOperation(step: TakeOperation, context: StepContext): Promise<Outcome> {
  const { queued } = context.loaded;
  if (queued?.id !== step.operationId) throw new Error(`operation ${step.operationId} is not the next one`);
  const state = operationTaken(stateOf(context), queued, context.view.now);
  const change = { ...changeTo(context, state), operationId: queued.id };
  const outcome = await context.deps.work.takeOperation(context.lease, change);
  if (outcome === 'LEFT') return 'AGAIN';
  tell(context, 'took an operation', { operation: queued, kind: queued.kind });
  return outcome === 'MORE' ? 'AGAIN' : { loaded: takenLoad(loadedAfter(context, change), queued, context) };
}

function takenLoad(loaded: LoadedContainer, queued: Operation, { progress, now }: StepContext): LoadedContainer {
  const { record } = loaded;
  const status = queued.kind === 'CREATE' && record.status === 'CREATING' ? 'ACTIVE' : record.status;
  const running = { ...queued, state: 'RUNNING', modifiedAt: now(), progress: progress ?? queued.progress } as const;
  return { ...loaded, record: { ...record, status }, running, queued: null };
}

export async function undoRollout(step: UndoRollout, context: StepContext): Promise<Outcome> {
  const logs = await lastLines(step.logsOf, context);
  const outcome = await save(context, undone(stateOf(context), withLogs(step.failure, logs), context.view.now));
  const { code, reason, message } = step.failure;
  tell(context, 'a rollout is being undone', { instance: step.logsOf ?? undefined, code, reason, cause: message });
  return outcome;
}

/** The last lines that an instance wrote tell more than its exit code; that they cannot be had must not keep anything from going on. */
export async function lastLines(instanceId: string | null, context: StepContext): Promise<string> {
  const observed = instanceId === null ? undefined : observedOf(context, instanceId);
  if (!observed) return '';
  try {
    const engine = await engineOf(context, observed.host);
    return await engine.logs(observed.name, LOG_LIMIT, context.signal);
  } catch (error) {
    if (error instanceof EngineError) return '';
    throw error;
  }
}

function withLogs(failure: Failure, logs: string): Failure {
  if (logs === '') return failure;
  const message = `${failure.message}; its last output:\n${logs}`;
  return { ...failure, message, metadata: { ...failure.metadata, logs } };
}

export async function completeOperation(step: CompleteOperation, context: StepContext): Promise<Outcome> {
  const { running } = context.loaded;
  if (running?.id !== step.operationId) throw new Error(`operation ${step.operationId} is not the running one`);
  const state = completed(stateOf(context), context.view.now);
  const failedDeploy = step.failure !== null && running.kind === 'DEPLOY';
  const change = changeTo(context, state);
  const others = await context.deps.work.completeOperation(context.lease, {
    ...change,
    operationId: running.id,
    result: resultOf(running, step.failure, context, state),
    revisionToRemove: failedDeploy ? running.revisionId : null,
  });
  countEnd(running, step.failure?.code ?? 'OK', context);
  tell(context, 'operation ended', { kind: running.kind, outcome: step.failure?.reason ?? 'OK' });
  // What a failure took with it is not gone on from.
  if (others === 'MORE' || step.failure !== null) return 'AGAIN';
  return { loaded: { ...loadedAfter(context, change), running: null, queued: null } };
}

function resultOf(
  operation: Operation,
  failure: Failure | null,
  context: StepContext,
  state: ReturnType<typeof completed>,
): OperationResult {
  if (failure) return { kind: 'ERROR', failure };
  if (operation.kind === 'DEPLOY') {
    const revision = operation.revisionId === null ? undefined : context.loaded.revisions.get(operation.revisionId);
    if (!revision) throw new Error(`operation ${operation.id} deployed a revision that has no record`);
    return { kind: 'REVISION', revision: { ...revision, status: 'ACTIVE' } };
  }
  return { kind: 'CONTAINER', container: context.deps.describe({ ...context.loaded.record, state }) };
}

function countEnd({ kind, createdAt, progress }: Operation, result: string, context: StepContext): void {
  const step = result === 'OK' ? 'DONE' : (progress?.step ?? 'ADMIT');
  context.deps.metrics.operationEnded(kind, step, result, (context.now() - createdAt) / 1000);
}

export async function removeRecords(step: RemoveRecords, context: StepContext): Promise<Outcome> {
  await context.deps.work.removeContainer(context.lease, context.view.containerId, step.operationId);
  if (context.loaded.running) countEnd(context.loaded.running, 'OK', context);
  tell(context, 'operation ended', { kind: 'DELETE', outcome: 'OK' });
  return 'AGAIN';
}
