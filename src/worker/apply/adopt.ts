import { specHash } from '../../engine/docker-spec.js';
import {
  type EngineDriver,
  EngineError,
  type InstanceIdentity,
  type InstanceSpec,
  type ObservedInstance,
} from '../../engine/driver.js';

/**
 * Creates the instance. A container that is there already under its name is taken for it only if nothing about it differs (the answer to an
 * earlier call was lost); ours but different is replaced, and one that is not ours is PERMANENT: a person has to remove it.
 */
export async function createOrAdopt(
  engine: EngineDriver,
  wanted: InstanceSpec,
  signal: AbortSignal,
): Promise<'CREATED' | 'ADOPTED'> {
  try {
    await engine.create(wanted, signal);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'CONFLICT') throw error;
    const found = await holderOf(engine, wanted, error, signal);
    if (isSame(found, wanted)) return 'ADOPTED';
    await engine.remove(found.name, signal);
    await engine.create(wanted, signal);
  }
  return 'CREATED';
}

/** What an engine shows of an instance that it has just created, but for Docker's own id of it, which nobody goes by. */
export function unstarted(instance: InstanceSpec): ObservedInstance {
  const { name, identity, imageId, gpuUuids, port } = instance;
  const still = { state: 'CREATED', exitCode: 0, oomKilled: false, error: '', startedAt: '', health: null } as const;
  const fence = Number(name.slice(name.lastIndexOf('-f') + 2));
  return { ...still, dockerId: '', name, identity, fence, specHash: specHash(instance), imageId, gpuUuids, port };
}

async function holderOf(
  engine: EngineDriver,
  { name, identity }: InstanceSpec,
  cause: EngineError,
  signal: AbortSignal,
): Promise<ObservedInstance> {
  const all = await engine.list({ containerId: identity.containerId }, signal);
  const found = all.find((observed) => observed.name === name);
  if (found) return found;
  const text = `the name ${name} is taken by a container that is not ours; rename or remove that one`;
  throw new EngineError('PERMANENT', engine.host, text, { cause });
}

function isSame(found: ObservedInstance, wanted: InstanceSpec): boolean {
  return found.specHash === specHash(wanted) && textOf(found.identity) === textOf(wanted.identity);
}

function textOf(identity: InstanceIdentity): string {
  const { controlPlaneId, containerId, revisionId, instanceId, ordinal, generation, operationId } = identity;
  return [controlPlaneId, containerId, revisionId, instanceId, ordinal, generation, operationId].join(' ');
}
