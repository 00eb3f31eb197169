import type { InstanceRecord } from '../../domain/instance.js';
import { memoOf } from '../../domain/memo.js';
import type { Revision } from '../../domain/revision.js';
import { type EngineDriver, EngineError, type InstanceSpec, instanceName } from '../../engine/driver.js';
import { created, createIntended, pulled, started, stopped } from '../../reconciler/instance-transitions.js';
import type {
  CreateContainer,
  PullImage,
  RemoveContainer,
  RenameContainer,
  StartContainer,
  StopContainer,
} from '../../reconciler/step.js';
import { unseenText } from '../../reconciler/unseen.js';
import { encodeDocument } from '../../store/codec.js';
import { createOrAdopt, unstarted } from './adopt.js';
import {
  announce,
  changeTo,
  engineOf,
  foundFor,
  instanceOf,
  leadingTo,
  loadedAfter,
  type Outcome,
  revisionOf,
  type StepContext,
  save,
  stateOf,
} from './context.js';
import { ensureImage } from './image.js';
import { tell } from './tell.js';
import { whileWanted } from './while-wanted.js';

/*
 * The steps that change something on Docker. What they are to do stands in the record before they ask: an instance that holds its devices is to
 * run, one that is being retired is to stop. A crash between the call and the record of its outcome is found by observing. Their EngineErrors
 * are recorded by the caller.
 */

export async function renameContainer(step: RenameContainer, context: StepContext): Promise<Outcome> {
  const engine = await engineOf(context, step.host);
  await engine.rename(step.name, step.newName, context.signal);
  const { instanceId, host, name, newName } = step;
  tell(context, 'renamed a Docker container after an unclean take-over', { instance: instanceId, host, name, newName });
  return 'AGAIN';
}

export async function removeContainer(step: RemoveContainer, context: StepContext): Promise<Outcome> {
  const engine = await engineOf(context, step.host);
  await engine.remove(step.name, context.signal);
  const { host, instanceId: instance, name, reason } = step;
  tell(context, 'removed a Docker container', { instance, host, name, reason });
  return 'AGAIN';
}

export async function pullImage(step: PullImage, context: StepContext): Promise<Outcome> {
  const instance = instanceOf(context, step.instanceId);
  const revision = revisionOf(context, instance.revisionId);
  const engine = await engineOf(context, instance.host);
  const image = await whileWanted(context, (signal) => ensureImage(engine, revision, { ...context, signal }));
  if (image === null) return 'AGAIN';
  const outcome = await save(context, pulled(stateOf(context), instance.id, context.now()), foundFor(revision, image));
  tell(context, 'the image of an instance is there', { instance, digest: image.digest });
  return outcome;
}

export async function createContainer(step: CreateContainer, context: StepContext): Promise<Outcome> {
  const instance = instanceOf(context, step.instanceId);
  const intended = createIntended(stateOf(context), instance.id);
  if (!instance.createIntended) await save(context, intended);
  const engine = await engineOf(context, instance.host);
  const { wanted, made } = await create(instance, engine, context);
  const state = created(intended, instance.id, context.now());
  const start = { kind: 'START_CONTAINER', instanceId: instance.id, name: wanted.name, restart: false } as const;
  const change = changeTo(leadingTo(start, context, state), state);
  await context.deps.work.save(context.lease, change);
  tell(context, 'created a Docker container', { instance, name: wanted.name, adopted: made === 'ADOPTED' });
  if (made === 'ADOPTED') return 'AGAIN';
  return { loaded: loadedAfter(context, change), seen: { ...unstarted(wanted), host: instance.host } };
}

/** Engines may call one image by different ids; most do not, so it is looked for only where the known id is not found. */
async function create(
  instance: InstanceRecord,
  engine: EngineDriver,
  context: StepContext,
): Promise<{ readonly wanted: InstanceSpec; readonly made: 'CREATED' | 'ADOPTED' }> {
  const revision = revisionOf(context, instance.revisionId);
  const known = revision.image?.id;
  const createFrom = async (imageId: string) => {
    const wanted = wantedOf(instance, revision, imageId, context);
    return { wanted, made: await createOrAdopt(engine, wanted, context.signal) };
  };
  if (known === undefined) return createFrom(await imageIdOn(engine, revision, context));
  try {
    return await createFrom(known);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'NOT_FOUND') throw error;
    const imageId = await imageIdOn(engine, revision, context);
    if (imageId === known) throw error;
    return createFrom(imageId);
  }
}

function wantedOf(
  instance: InstanceRecord,
  revision: Revision,
  imageId: string,
  { deps, lease, loaded, view }: StepContext,
): InstanceSpec {
  const memo = memoOf(loaded.record, revision, instance.address);
  return {
    name: instanceName(instance.id, lease.fence),
    identity: {
      controlPlaneId: deps.controlPlaneId,
      containerId: view.containerId,
      revisionId: revision.id,
      instanceId: instance.id,
      ordinal: instance.ordinal,
      generation: view.state.generation,
      operationId: view.running?.id ?? '',
    },
    imageId,
    spec: revision.spec,
    gpuUuids: instance.gpuUuids,
    port: instance.port,
    address: instance.address,
    ...(memo && { memo: encodeDocument(memo) }),
  };
}

/** One that no registry knows has one id only. */
async function imageIdOn(engine: EngineDriver, { id, image }: Revision, context: StepContext): Promise<string> {
  if (image !== null && image.pullReference === null) return image.id;
  const found = await engine.findImage(image?.pullReference ?? '', context.signal);
  if (found === null) throw new EngineError('TRANSIENT', engine.host, `the image of revision ${id} is gone`);
  return found.id;
}

export async function startContainer(step: StartContainer, context: StepContext): Promise<Outcome> {
  await announce(context);
  const instance = instanceOf(context, step.instanceId);
  const { host, gpuUuids } = instance;
  const engine = await engineOf(context, host);
  const start = () => {
    context.deps.ownStarts.begin(instance.id);
    return engine.start(step.name, context.signal);
  };
  const startWithGpus = async () => {
    await refuseUsedGpus(engine, instance, context);
    await start();
  };
  try {
    await (gpuUuids.length > 0 ? context.deps.gpuStarts.take(host, startWithGpus) : start());
  } catch (error) {
    if (error instanceof EngineError && error.reason === 'RUNS_UNSEEN') {
      throw await explained(error, step.name, engine, context);
    }
    throw error;
  }
  const seen = await engine.inspect(step.name, context.signal);
  const outcome = { engineStartedAt: seen?.startedAt ?? null, restart: step.restart };
  const state = started(stateOf(context), instance.id, outcome, context.now());
  const change = changeTo(leadingTo({ kind: 'PROBE_INSTANCE', instanceId: instance.id }, context, state), state);
  await context.deps.work.save(context.lease, change);
  tell(context, 'started an instance', { instance, name: step.name, restart: step.restart });
  return seen === null ? 'AGAIN' : { loaded: loadedAfter(context, change), seen: { ...seen, host } };
}

/** A person who has to mend it needs to know Docker's own id of the container. */
async function explained(error: EngineError, name: string, engine: EngineDriver, { signal }: StepContext) {
  const seen = await engine.inspect(name, signal).catch(() => null);
  if (seen === null) return error;
  const { kind, host, message, reason } = error;
  return new EngineError(kind, host, unseenText(message, seen.dockerId), { cause: error, reason });
}

/** What Redis has forgotten, and what somebody has started by hand, holds no lease, and may run with the devices of what does. */
async function refuseUsedGpus(engine: EngineDriver, { id, gpuUuids }: InstanceRecord, { signal }: StepContext) {
  const all = await engine.list({ active: true }, signal);
  const user = all.find(
    (other) => other.identity.instanceId !== id && other.gpuUuids.some((uuid) => gpuUuids.includes(uuid)),
  );
  if (user === undefined) return;
  const text = `its GPUs are in use by ${user.name}, of container ${user.identity.containerId}, which Redis has no lease for`;
  throw new EngineError('TRANSIENT', engine.host, text, { reason: 'GPU_TAKEN' });
}

export async function stopContainer(step: StopContainer, context: StepContext): Promise<Outcome> {
  await announce(context);
  const instance = instanceOf(context, step.instanceId);
  const engine = await engineOf(context, instance.host);
  await engine.stop(step.name, context.deps.stopGraceSeconds, context.signal);
  const outcome = await save(context, stopped(stateOf(context), instance.id, context.now()));
  tell(context, 'stopped an instance', { instance, name: step.name });
  return outcome;
}
