import { EngineError, instanceName } from '../../engine/driver.js';
import { created, createIntended, pulled, started, stopped } from '../../reconciler/instance-transitions.js';
import type {
  CreateContainer,
  PullImage,
  RemoveContainer,
  RenameContainer,
  StartContainer,
  StopContainer,
} from '../../reconciler/step.js';
import { createOrAdopt } from './adopt.js';
import {
  changeTo,
  engineOf,
  instanceOf,
  type Outcome,
  revisionOf,
  type StepContext,
  save,
  stateOf,
} from './context.js';
import { ensureImage } from './image.js';
import { whileWanted } from './while-wanted.js';

/*
 * The steps that change something on Docker. Each stores its intent (at least as progress) before it asks, and its outcome after; a crash
 * between the two is found by observing. Their EngineErrors are recorded by the caller.
 */

export async function renameContainer(step: RenameContainer, context: StepContext): Promise<Outcome> {
  const engine = await engineOf(context, step.host);
  await engine.rename(step.name, step.newName, context.signal);
  return 'AGAIN';
}

export async function removeContainer(step: RemoveContainer, context: StepContext): Promise<Outcome> {
  const engine = await engineOf(context, step.host);
  await engine.remove(step.name, context.signal);
  const { containerId: container } = context.view;
  const { host, instanceId: instance, name, reason } = step;
  context.deps.log.info({ container, instance, host, name, reason }, 'removed a Docker container');
  return 'AGAIN';
}

export async function pullImage(step: PullImage, context: StepContext): Promise<Outcome> {
  await save(context, stateOf(context));
  const instance = instanceOf(context, step.instanceId);
  const revision = revisionOf(context, instance.revisionId);
  const engine = await engineOf(context, instance.host);
  const image = await whileWanted(context, (signal) => ensureImage(engine, revision, { ...context, signal }));
  if (image === null) return 'AGAIN';
  if (revision.image === null) {
    const { digest, id, pullReference } = image;
    await context.deps.work.saveImage(context.lease, revision.id, { digest, id, pullReference });
  }
  return save(context, pulled(stateOf(context), instance.id, context.now()));
}

export async function createContainer(step: CreateContainer, context: StepContext): Promise<Outcome> {
  const { lease, view, deps, signal } = context;
  const intended = createIntended(stateOf(context), step.instanceId);
  await deps.work.save(lease, changeTo(context, intended));
  const instance = instanceOf(context, step.instanceId);
  const revision = revisionOf(context, instance.revisionId);
  const engine = await engineOf(context, instance.host);
  const image = await engine.findImage(revision.image?.pullReference ?? revision.image?.id ?? '', signal);
  if (image === null) {
    throw new EngineError('TRANSIENT', instance.host, `the image of revision ${revision.id} is gone`);
  }
  await createOrAdopt(
    engine,
    {
      name: instanceName(instance.id, lease.fence),
      identity: {
        controlPlaneId: deps.controlPlaneId,
        containerId: view.containerId,
        revisionId: revision.id,
        instanceId: instance.id,
        ordinal: instance.ordinal,
        generation: intended.generation,
        operationId: view.running?.id ?? '',
      },
      imageId: image.id,
      spec: revision.spec,
      gpuUuids: instance.gpuUuids,
      port: instance.port,
      address: instance.address,
    },
    signal,
  );
  await deps.work.save(lease, changeTo(context, created(intended, instance.id, context.now())));
  return 'AGAIN';
}

export async function startContainer(step: StartContainer, context: StepContext): Promise<Outcome> {
  await save(context, stateOf(context));
  const instance = instanceOf(context, step.instanceId);
  const engine = await engineOf(context, instance.host);
  const start = () => engine.start(step.name, context.signal);
  await (instance.gpuUuids.length > 0 ? context.deps.gpuStarts.take(instance.host, start) : start());
  const seen = await engine.list({ containerId: context.view.containerId }, context.signal);
  const engineStartedAt = seen.find((observed) => observed.name === step.name)?.startedAt ?? null;
  const outcome = { engineStartedAt, restart: step.restart };
  return save(context, started(stateOf(context), instance.id, outcome, context.now()));
}

export async function stopContainer(step: StopContainer, context: StepContext): Promise<Outcome> {
  await save(context, stateOf(context));
  const instance = instanceOf(context, step.instanceId);
  const engine = await engineOf(context, instance.host);
  await engine.stop(step.name, context.deps.stopGraceSeconds, context.signal);
  return save(context, stopped(stateOf(context), instance.id, context.now()));
}
