import type { Container, ContainerRecord } from '../../domain/container.js';
import type { ContainerState } from '../../domain/container-state.js';
import type { IdKind } from '../../domain/ids.js';
import type { InstanceRecord } from '../../domain/instance.js';
import type { Progress } from '../../domain/operation.js';
import type { Revision } from '../../domain/revision.js';
import type { EngineDriver, EngineImage } from '../../engine/driver.js';
import type { Fleet } from '../../fleet/fleet.js';
import { progressOf } from '../../reconciler/progress.js';
import type { Step } from '../../reconciler/step.js';
import type { ContainerView, HostedInstance } from '../../reconciler/view.js';
import type { ContainerWork, FoundImage, HostWork, Lease, LoadedContainer, StateChange } from '../../store/work.js';
import type { MakeRoom } from '../collect-images.js';
import type { ImageLooks } from '../image-looks.js';
import type { OwnStarts } from '../own-starts.js';
import type { Probe } from '../probe.js';
import type { Turns } from '../turns.js';
import type { Hints, Next, WorkerLog, WorkerMetrics } from '../worker.js';

/** What the executors of steps need, wired once. */
export interface ApplyDeps {
  readonly controlPlaneId: string;
  readonly work: ContainerWork;
  readonly hostWork: HostWork;
  readonly fleet: Fleet;
  readonly probe: Probe;
  readonly describe: (record: ContainerRecord) => Container;
  readonly newId: (kind: IdKind) => string;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: WorkerLog;
  readonly metrics: WorkerMetrics;
  readonly imageLooks: ImageLooks;
  /** For a host whose disk is full. */
  readonly makeRoom: MakeRoom;
  /** Starts of instances with GPUs, one host's one after another. */
  readonly gpuStarts: Turns;
  readonly ownStarts: Pick<OwnStarts, 'begin'>;
  /** A pull that makes no progress for so long has failed. */
  readonly pullStallMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly stopGraceSeconds: number;
}

/** One step's surroundings: the lease that allows it, and what it was planned on. */
export interface StepContext {
  readonly deps: ApplyDeps;
  readonly lease: Lease;
  /** Aborts when the lease can no longer be proven: nothing is begun after that. */
  readonly signal: AbortSignal;
  /** What happens to the container while the step is applied. */
  readonly hints: Hints;
  readonly loaded: LoadedContainer;
  readonly view: ContainerView;
  /** What the running operation is to show; undefined while none runs. */
  readonly progress: Progress | undefined;
  /** Redis time at this moment: what a call that took long has to be recorded with. */
  readonly now: () => number;
}

/** AGAIN: read and plan once more. GoOn: plan on what the step knows already. A Next gives the key back. */
export type Outcome = 'AGAIN' | GoOn | Next;

export interface GoOn {
  /** What reading the container would say now: for a step that wrote all that changed. */
  readonly loaded?: LoadedContainer;
  /** The state of `loaded` is not written yet: it says more than the record, and nothing is lost where it is forgotten. */
  readonly unwritten?: true;
  /** What the engine said of the Docker container that the step was about. */
  readonly seen?: HostedInstance;
}

export const stateOf = (context: StepContext): ContainerState => context.loaded.record.state;

/** The state to be stored with the step's progress. */
export function changeTo(context: StepContext, state: ContainerState, image?: FoundImage): StateChange {
  const { progress, view } = context;
  return { containerId: view.containerId, state, ...(progress && { progress }), ...(image && { image }) };
}

/** To be stored, where the revision has run nowhere yet. */
export function foundFor(revision: Revision, found: EngineImage): FoundImage | undefined {
  const { digest, id, pullReference } = found;
  return revision.image === null ? { revisionId: revision.id, image: { digest, id, pullReference } } : undefined;
}

/** Shows callers what the operation is at, where it does not show that already. */
export async function announce(context: StepContext): Promise<void> {
  const { progress, view } = context;
  const shows = view.running?.progress;
  if (progress === undefined || (progress.step === shows?.step && progress.percent === shows.percent)) return;
  await context.deps.work.save(context.lease, changeTo(context, stateOf(context)));
}

/** For a step's last write: shows callers the step that comes after it on that state, which then need not announce itself. */
export function leadingTo(next: Step, context: StepContext, state: ContainerState): StepContext {
  return { ...context, progress: progressOf(next, { ...context.view, state }) ?? undefined };
}

/** The whole of a step that only changes the record, and at once. */
export async function record(context: StepContext, state: ContainerState): Promise<Outcome> {
  const change = changeTo(context, state);
  await context.deps.work.save(context.lease, change);
  return { loaded: loadedAfter(context, change) };
}

/** Stores the state, and plans again. */
export async function save(context: StepContext, state: ContainerState, image?: FoundImage): Promise<Outcome> {
  await context.deps.work.save(context.lease, changeTo(context, state, image));
  return 'AGAIN';
}

/** What reading the container would say after the only write since it was read. */
export function loadedAfter({ loaded, now }: StepContext, { state, progress, image }: StateChange): LoadedContainer {
  const { record, running } = loaded;
  const revisions = new Map(loaded.revisions);
  const revision = image && revisions.get(image.revisionId);
  if (revision) revisions.set(revision.id, { ...revision, image: image.image });
  return {
    ...loaded,
    now: now(),
    record: { ...record, state },
    running: running && { ...running, progress: progress ?? running.progress },
    revisions,
  };
}

/** The planner names only what it found, so that a miss is a defect of ours. */
export function instanceOf(context: StepContext, instanceId: string): InstanceRecord {
  const found = stateOf(context).instances.find((instance) => instance.id === instanceId);
  if (!found) throw new Error(`a step names instance ${instanceId}, which has no record`);
  return found;
}

export function revisionOf(context: StepContext, revisionId: string): Revision {
  const found = context.loaded.revisions.get(revisionId);
  if (!found) throw new Error(`a step names revision ${revisionId}, which has no record`);
  return found;
}

export function observedOf(context: StepContext, instanceId: string): HostedInstance | undefined {
  return context.view.observed.find((observed) => observed.identity.instanceId === instanceId);
}

/** The engine of a host, once it has passed its preflight; never after the lease's end. */
export async function engineOf(context: StepContext, host: string): Promise<EngineDriver> {
  const driver = await context.deps.fleet.ready(host);
  context.signal.throwIfAborted();
  return driver;
}
