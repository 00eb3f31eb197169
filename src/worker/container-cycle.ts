import { DomainError } from '../domain/errors.js';
import { EngineError } from '../engine/driver.js';
import { faulted } from '../reconciler/instance-transitions.js';
import { plan } from '../reconciler/plan.js';
import { progressOf } from '../reconciler/progress.js';
import type { Step, Wait } from '../reconciler/step.js';
import { planTakeover } from '../reconciler/takeover.js';
import type { ContainerView, HostedInstance, ReconcilePolicy } from '../reconciler/view.js';
import { LeaseLostError, type LoadedContainer, type StateChange } from '../store/work.js';
import { type ActiveStep, apply, faultOf, instanceIdOf } from './apply/apply.js';
import type { ApplyDeps, Outcome, StepContext } from './apply/context.js';
import { transitionFields } from './apply/tell.js';
import { viewOf } from './container-view.js';
import type { HeldLease } from './held-leases.js';
import { lostAmong, withoutGone } from './lost-hosts.js';
import { type Observation, observeContainer } from './observe.js';
import { createReading } from './reading.js';
import { CHANGES_DOCKER, createSight, DEMANDS_LOOK, type Sight } from './sight.js';
import type { Hints, KeyWork, Next } from './worker.js';

export interface ContainerCycleDeps extends ApplyDeps {
  readonly policy: ReconcilePolicy;
}

/** Shorter waits are spent with the lease in hand; longer ones give the key back. */
const IN_HAND_MS = 400;
/** A key whose plan halted is looked at again now and then, in case somebody mended it. */
const HALTED_MS = 30_000;
/** More steps in one holding than any rollout has: a plan that does not come to rest must not keep the key and the engine busy. */
const STEP_LIMIT = 1_000;
/** After a fault on something that has no record to keep it, and after a call that may still run. */
const UNRECORDED_FAULT_MS = 2_000;
const UNKNOWN_OUTCOME_MS = 500;
/** Their first deed is a write of the whole state. */
const WRITES_FIRST: ReadonlySet<Step['kind']> = new Set(['SWITCH_REVISION'] satisfies Step['kind'][]);
const UNRESTED: Next = { delayMs: 5_000, clean: true };
const DUE_AT_ONCE: Next = { delayMs: 0, clean: true };

/** The work on `container/<id>`: read, observe, plan, apply one step, and again, until there is nothing to do now. */
export function createContainerCycle(deps: ContainerCycleDeps): KeyWork {
  return async (held, hints) => {
    let takenOver = !held.lease.unclean;
    const give = (next: Next): Next => ({ ...next, clean: next.clean && takenOver });
    const id = containerIdOf(held);
    const sight = createSight((hosts) => observeContainer(deps.fleet, hosts, id, held.signal));
    const reading = createReading(() => deps.work.load(held.lease, id));
    let lastDeed = performance.now();
    for (let count = 0; count < STEP_LIMIT; count += 1) {
      held.signal.throwIfAborted();
      if (hints.draining()) return give(DUE_AT_ONCE);
      // Asked first: what is heard of after it is in the reading, or is heard of again.
      const loaded = await reading.of(hints.heard());
      if (loaded === null) return { delayMs: null, clean: true };
      if (!takenOver) sight.forget();
      const { view, step } = await planOn(deps, held, loaded, sight);
      takenOver ||= isTakenOver(view);
      if (step.kind !== 'WAIT') lastDeed = performance.now();
      if (reading.unwritten() && !WRITES_FIRST.has(step.kind)) await deps.work.save(held.lease, asKnown(view));
      const restedMs = performance.now() - lastDeed;
      const outcome = await advance(deps, held, hints, { loaded, view, step, restedMs, now: reading.now });
      if (outcome !== 'AGAIN' && 'delayMs' in outcome) return give(outcome);
      reading.goOn(outcome === 'AGAIN' ? undefined : outcome);
      goOn(sight, step, outcome === 'AGAIN' ? undefined : outcome.seen);
    }
    deps.log.error({ key: held.lease.key }, `the plan did not come to rest within ${STEP_LIMIT} steps`);
    return give(UNRESTED);
  };
}

const asKnown = ({ containerId, state }: ContainerView): StateChange => ({ containerId, state });

function goOn(sight: Sight, step: Step, seen: HostedInstance | undefined): void {
  const waitedForDocker = step.kind === 'WAIT' && step.elsewhere !== true;
  if (seen !== undefined) sight.saw(seen);
  else if (waitedForDocker || CHANGES_DOCKER.has(step.kind)) sight.forget();
}

/** After an unclean take-over the key stays unclean until every host was seen and everything on it has its new name. */
function isTakenOver(view: ContainerView): boolean {
  return view.unobserved.size === 0 && planTakeover(view) === null;
}

const containerIdOf = ({ lease }: HeldLease): string => lease.key.slice('container/'.length);

interface Planned {
  readonly loaded: LoadedContainer;
  readonly view: ContainerView;
  readonly step: Step;
  /** Since the last step that was not a wait. */
  readonly restedMs: number;
  /** Redis time. */
  readonly now: () => number;
}

async function planOn(deps: ContainerCycleDeps, held: HeldLease, loaded: LoadedContainer, sight: Sight) {
  const hosts = new Set(loaded.record.state.instances.map((instance) => instance.host));
  const seen = await sight.of(hosts);
  const view = await viewOn(deps, held, loaded, seen);
  const step = plan(view);
  if (!seen.carried || !DEMANDS_LOOK.has(step.kind)) return { view, step };
  sight.forget();
  const anew = await viewOn(deps, held, loaded, await sight.of(hosts));
  return { view: anew, step: plan(anew) };
}

async function viewOn(deps: ContainerCycleDeps, held: HeldLease, loaded: LoadedContainer, seen: Observation) {
  const lost = await lostAmong(seen.unobserved, deps.hostWork);
  return viewOf(loaded, withoutGone({ ...seen, lost }, deps.fleet), held.lease, deps.policy);
}

async function advance(deps: ContainerCycleDeps, held: HeldLease, hints: Hints, planned: Planned): Promise<Outcome> {
  const { step, restedMs } = planned;
  const context = contextOf(deps, held, hints, planned);
  switch (step.kind) {
    case 'WAIT':
      return wait(step, context, restedMs);
    case 'HALT':
      deps.log.error(transitionFields(context, {}), step.reason);
      return { delayMs: HALTED_MS, clean: true };
    default:
      return applied(step, context);
  }
}

/** The surroundings of a step that was planned on this. */
export function contextOf(
  deps: ApplyDeps,
  { lease, signal }: HeldLease,
  hints: Hints,
  {
    loaded,
    view,
    step,
    now = () => view.now,
  }: Pick<Planned, 'loaded' | 'view' | 'step'> & Partial<Pick<Planned, 'now'>>,
): StepContext {
  return {
    deps,
    lease,
    signal,
    hints,
    loaded,
    view,
    progress: progressOf(step, view) ?? undefined,
    now,
  };
}

/** What it waits for is shown to callers where the wait is long enough to be read. */
async function wait(step: Wait, context: StepContext, restedMs: number): Promise<Outcome> {
  const { deps, lease, loaded, view, hints } = context;
  const ms = step.until === null ? null : Math.max(step.until - view.now, 1);
  const inHand = ms !== null && ms <= IN_HAND_MS;
  const isNews = step.progress && JSON.stringify(step.progress) !== JSON.stringify(loaded.running?.progress);
  if (isNews && (!inHand || restedMs >= IN_HAND_MS)) {
    await deps.work.save(lease, { containerId: view.containerId, state: view.state, progress: step.progress });
  }
  if (!inHand) return { delayMs: ms, clean: true };
  await hints.sleep(ms, context.signal);
  return 'AGAIN';
}

async function applied(step: ActiveStep, context: StepContext): Promise<Outcome> {
  try {
    return await apply(step, context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof EngineError) return recordFault(step, error, context);
    if (error instanceof DomainError || error instanceof LeaseLostError) throw error;
    throw new Error(`${step.kind}: ${String(error)}`, { cause: error });
  }
}

/**
 * What is recorded is judged by the next plan. The state is read anew, since the step may have stored its intent.
 * A call of unknown outcome ends this holding: only a take-over that renames can shut it out.
 */
async function recordFault(step: ActiveStep, error: EngineError, context: StepContext): Promise<Outcome> {
  const { deps, lease, view } = context;
  const { kind, outcomeKnown } = faultOf(error);
  const instanceId = instanceIdOf(step);
  const { containerId: container } = view;
  deps.metrics.stepRetried(error.kind);
  const about = { instance: instanceId ?? undefined, host: error.host, step: step.kind, fault: kind };
  deps.log.warn(transitionFields(context, about), error.message);
  if (kind === 'UNREACHABLE') deps.fleet.forget(error.host, error);
  if (error.reason === 'DISK_FULL') await deps.makeRoom(lease, error.host, context.now(), context.signal);
  const loaded = await deps.work.load(lease, container);
  const state = loaded?.record.state;
  if (!loaded || !state?.instances.some((instance) => instance.id === instanceId) || instanceId === null) {
    return { delayMs: UNRECORDED_FAULT_MS, clean: outcomeKnown };
  }
  const reason = error.reason === null ? {} : { reason: error.reason };
  const fault = { step: step.kind, kind, message: error.message, jitter: deps.random(), ...reason };
  await deps.work.save(lease, { containerId: container, state: faulted(state, instanceId, fault, loaded.now) });
  return outcomeKnown ? 'AGAIN' : { delayMs: UNKNOWN_OUTCOME_MS, clean: false };
}
