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
export async function createOrAdopt(engine: EngineDriver, wanted: InstanceSpec, signal: AbortSignal): Promise<void> {
  try {
    await engine.create(wanted, signal);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'CONFLICT') throw error;
    const found = await holderOf(engine, wanted, error, signal);
    if (isSame(found, wanted)) return;
    await engine.remove(found.name, signal);
    await engine.create(wanted, signal);
  }
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
