import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerState } from '../../domain/container-state.js';
import type { InstanceRecord } from '../../domain/instance.js';
import type { HealthCheck, Revision } from '../../domain/revision.js';
import { faulted, healthy } from '../../reconciler/instance-transitions.js';
import type { ProbeInstance } from '../../reconciler/step.js';
import {
  changeTo,
  instanceOf,
  loadedAfter,
  type Outcome,
  observedOf,
  record,
  revisionOf,
  type StepContext,
  save,
  stateOf,
} from './context.js';
import { tell } from './tell.js';
import { whileWanted } from './while-wanted.js';

/** A fresh instance is asked soon and often, then at its interval. */
const FIRST_DELAY_MS = 5;
const DELAY_GROWTH = 1.4;
/** At first it is asked without a break for so long: most answer by then, and until they do there is nothing to write down. */
const AT_ONCE_MS = 300;
const DEFAULT_CHECK: HealthCheck = { probe: null, intervalMs: 1_000, timeoutMs: 2_000, deadlineMs: 0 };

/** Not yet healthy is recorded as a fault whose delay is the time to the next probe. A probe that was left says nothing of the instance. */
export async function probeInstance(step: ProbeInstance, context: StepContext): Promise<Outcome> {
  const instance = instanceOf(context, step.instanceId);
  const revision = revisionOf(context, instance.revisionId);
  const check = revision.spec.healthCheck ?? DEFAULT_CHECK;
  const verdict = await ask(instance, revision, check, context);
  const { now } = context.view;
  if (verdict === null) return heal(instance, context);
  if (verdict === 'LEFT') return 'AGAIN';
  const tried = instance.fault?.step === step.kind ? instance.fault.count : 0;
  const soon = instance.healthyAt === null ? FIRST_DELAY_MS * DELAY_GROWTH ** tried : check.intervalMs;
  const delayMs = Math.ceil(Math.min(verdict.waitMs ?? soon, check.intervalMs));
  const fault = { step: step.kind, kind: 'TRANSIENT', message: verdict.reason, delayMs } as const;
  return save(context, faulted(stateOf(context), instance.id, fault, now));
}

function logIfProven(context: StepContext, { stableRevisionId: revision }: ContainerState): void {
  if (revision !== context.view.state.stableRevisionId) tell(context, 'a revision is stable from now on', { revision });
}

/** A candidate that is found healthy takes over at once, and what was found is written with that. */
async function heal({ id, role, healthyAt }: InstanceRecord, context: StepContext): Promise<Outcome> {
  const { now, policy } = context.view;
  const state = healthy(stateOf(context), id, now, policy.watchWindowMs);
  if (healthyAt === null) tell(context, 'an instance is healthy', { instance: id });
  if (role === 'CANDIDATE') return { loaded: loadedAfter(context, changeTo(context, state)), unwritten: true };
  const outcome = await record(context, state);
  logIfProven(context, state);
  return outcome;
}

interface NotYet {
  readonly reason: string;
  /** When asking again makes sense; absent: soon, then less often. */
  readonly waitMs?: number;
}

async function ask(
  instance: InstanceRecord,
  revision: Revision,
  check: HealthCheck,
  context: StepContext,
): Promise<NotYet | 'LEFT' | null> {
  const docker = observedOf(context, instance.id)?.health ?? null;
  if (check.probe === null && docker !== null && docker !== 'HEALTHY') {
    return { reason: `the image's HEALTHCHECK says ${docker.toLowerCase()}`, waitMs: 200 };
  }
  if (revision.spec.runtime === 'PROCESS') {
    const left = (instance.startedAt ?? context.view.now) + revision.spec.minimumRunTimeMs - context.view.now;
    return left > 0 ? { reason: `it runs for less than its minimum run time`, waitMs: left } : null;
  }
  if (check.probe === null && docker === 'HEALTHY') return null;
  const probe = check.probe ?? { kind: 'HTTP', path: '/' };
  const { address, port } = instance;
  if (port === null) throw new Error(`instance ${instance.id} of runtime http has no port`);
  const target = { address, port, probe, timeoutMs: check.timeoutMs };
  const patienceMs = instance.fault?.step === 'PROBE_INSTANCE' ? 0 : Math.min(AT_ONCE_MS, check.intervalMs);
  const asked = await whileWanted(context, async (signal) => ({
    reason: await askAgain(() => context.deps.probe(target, signal), patienceMs, signal),
  }));
  context.signal.throwIfAborted();
  if (asked === null) return 'LEFT';
  return asked.reason === null ? null : { reason: asked.reason };
}

/** The last verdict: null as soon as it is healthy. */
async function askAgain(probe: () => Promise<string | null>, patienceMs: number, signal: AbortSignal) {
  const end = performance.now() + patienceMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= DELAY_GROWTH) {
    const reason = await probe();
    if (reason === null || performance.now() + delayMs >= end) return reason;
    await delay(delayMs, undefined, { signal });
  }
}
