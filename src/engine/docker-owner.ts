import { type CallContext, engineError } from './docker-errors.js';
import { member, textOf } from './docker-json.js';
import { LABEL, networkName, OWNER_VOLUME } from './docker-labels.js';
import type { EngineScope } from './docker-scope.js';
import { EngineError } from './driver.js';

/**
 * Creating a volume by name is a compare-and-set on an engine: all who try are answered with the one that won. Once the engine was
 * started again it leaves the labels out of that answer, and tells them when asked only.
 */
export async function claimEngine(scope: EngineScope, signal?: AbortSignal): Promise<{ readonly owner: string }> {
  const context: CallContext = { host: scope.host, what: `claim by volume ${OWNER_VOLUME}`, mutates: true };
  const created = await scope.client.call({
    method: 'POST',
    path: '/volumes/create',
    body: { Name: OWNER_VOLUME, Labels: { [LABEL.controlPlane]: scope.controlPlaneId } },
    what: context.what,
    mutates: true,
    timeoutMs: scope.timeouts.change,
    signal,
  });
  const owner = ownerOf(created) || ownerOf(await ownerVolume(scope, context, signal));
  if (owner === '') {
    const text = `a volume of this name exists that is not ours (it has no label ${LABEL.controlPlane}); remove it by hand`;
    throw engineError('CONFLICT', context, text);
  }
  return { owner };
}

const ownerOf = (volume: unknown): string => textOf(member(volume, 'Labels', LABEL.controlPlane));

function ownerVolume(scope: EngineScope, { what }: CallContext, signal?: AbortSignal): Promise<unknown> {
  const path = `/volumes/${OWNER_VOLUME}`;
  return scope.client.call({ method: 'GET', path, what, mutates: false, timeoutMs: scope.timeouts.read, signal });
}

/** The bridge that all containers of this control plane are on; those cannot reach each other over it. */
export async function ensureNetwork(scope: EngineScope, signal?: AbortSignal): Promise<void> {
  const name = networkName(scope.controlPlaneId);
  const context: CallContext = { host: scope.host, what: `create network ${name}`, mutates: true };
  if (await haveNetwork(scope, name, context, signal)) return;
  try {
    await scope.client.call({
      method: 'POST',
      path: '/networks/create',
      body: {
        Name: name,
        Driver: 'bridge',
        // Older engines allow several networks of one name unless they are asked to look.
        CheckDuplicate: true,
        Labels: { [LABEL.controlPlane]: scope.controlPlaneId },
        Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      },
      what: context.what,
      mutates: true,
      timeoutMs: scope.timeouts.change,
      signal,
    });
  } catch (error) {
    // Somebody was faster: then it is to be ours all the same.
    const taken = error instanceof EngineError && error.kind === 'CONFLICT';
    if (!taken || !(await haveNetwork(scope, name, context, signal))) throw error;
  }
}

async function haveNetwork(
  scope: EngineScope,
  name: string,
  context: CallContext,
  signal?: AbortSignal,
): Promise<boolean> {
  const network = await scope.client
    .call({
      method: 'GET',
      path: `/networks/${name}`,
      what: context.what,
      mutates: false,
      timeoutMs: scope.timeouts.read,
      signal,
    })
    .catch((error: unknown) => {
      // An engine calls a missing network by its name only, so any 404 here means just that.
      if (error instanceof EngineError && member(error.cause, 'statusCode') === 404) return null;
      throw error;
    });
  if (network === null) return false;
  if (member(network, 'Labels', LABEL.controlPlane) === scope.controlPlaneId) return true;
  throw engineError('CONFLICT', context, `a network named ${name} exists that is not ours; remove it by hand`);
}
