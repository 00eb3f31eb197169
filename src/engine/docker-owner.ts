import { type CallContext, engineError } from './docker-errors.js';
import { member, textOf } from './docker-json.js';
import { LABEL, networkName, OWNER_HOST, OWNER_VOLUME } from './docker-labels.js';
import type { EngineScope } from './docker-scope.js';
import { type Claim, EngineError } from './driver.js';

/**
 * Creating a volume by name is a compare-and-set on an engine: all who try are answered with the one that won. Once the engine was
 * started again it leaves the labels out of that answer, and tells them when asked only.
 */
export async function claimEngine(scope: EngineScope, signal?: AbortSignal): Promise<Claim> {
  const context: CallContext = { host: scope.host, what: `claim by volume ${OWNER_VOLUME}`, mutates: true };
  const created = await scope.client.call({
    method: 'POST',
    path: '/volumes/create',
    body: { Name: OWNER_VOLUME, Labels: { [LABEL.controlPlane]: scope.controlPlaneId, [OWNER_HOST]: scope.host } },
    what: context.what,
    mutates: true,
    timeoutMs: scope.timeouts.change,
    signal,
  });
  const claim = ownerOf(created) === '' ? await ownerVolume(scope, context, signal) : created;
  const owner = ownerOf(claim);
  if (owner === '') {
    const text = `a volume of this name exists that is not ours (it has no label ${LABEL.controlPlane}); remove it by hand`;
    throw engineError('CONFLICT', context, text);
  }
  return { owner, as: textOf(member(claim, 'Labels', OWNER_HOST)) };
}

const ownerOf = (volume: unknown): string => textOf(member(volume, 'Labels', LABEL.controlPlane));

function ownerVolume(scope: EngineScope, { what }: CallContext, signal?: AbortSignal): Promise<unknown> {
  const path = `/volumes/${OWNER_VOLUME}`;
  return scope.client.call({ method: 'GET', path, what, mutates: false, timeoutMs: scope.timeouts.read, signal });
}

/**
 * The bridge that all containers of this control plane are on; those cannot reach each other over it. Engines let several networks have one name
 * when they are made at once, and then take none of them by it: so who has made one looks again, and all but the oldest go.
 */
export async function ensureNetwork(scope: EngineScope, signal?: AbortSignal): Promise<void> {
  const name = networkName(scope.controlPlaneId);
  if ((await networksNamed(scope, name, signal)).length === 0) await createNetwork(scope, name, signal);
  const [, ...later] = await networksNamed(scope, name, signal);
  for (const { id } of later) await removeNetwork(scope, id, signal);
}

async function createNetwork(scope: EngineScope, name: string, signal?: AbortSignal): Promise<void> {
  const what = `create network ${name}`;
  try {
    await scope.client.call({
      method: 'POST',
      path: '/networks/create',
      body: {
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        Labels: { [LABEL.controlPlane]: scope.controlPlaneId },
        Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      },
      what,
      mutates: true,
      timeoutMs: scope.timeouts.change,
      signal,
    });
  } catch (error) {
    // Somebody was faster: then there is one.
    if (!(error instanceof EngineError && error.kind === 'CONFLICT')) throw error;
  }
}

interface Network {
  readonly id: string;
  readonly created: string;
}

/** Oldest first. A foreign one of that name is an error that names it. */
async function networksNamed(scope: EngineScope, name: string, signal?: AbortSignal): Promise<readonly Network[]> {
  const what = `look for network ${name}`;
  const query = { filters: JSON.stringify({ name: [name] }) };
  const { read: timeoutMs } = scope.timeouts;
  const found = await scope.client.call({
    method: 'GET',
    path: '/networks',
    query,
    what,
    mutates: false,
    timeoutMs,
    signal,
  });
  // The filter also finds names that only contain it.
  const named = (Array.isArray(found) ? found : []).filter((network) => textOf(member(network, 'Name')) === name);
  if (named.some((network) => member(network, 'Labels', LABEL.controlPlane) !== scope.controlPlaneId)) {
    const context: CallContext = { host: scope.host, what, mutates: false };
    throw engineError('CONFLICT', context, `a network named ${name} exists that is not ours; remove it by hand`);
  }
  return named
    .map((network) => ({ id: textOf(member(network, 'Id')), created: textOf(member(network, 'Created')) }))
    .sort((one, other) => (one.created + one.id < other.created + other.id ? -1 : 1));
}

/** One that is in use or gone already is left as it is. */
async function removeNetwork(scope: EngineScope, id: string, signal?: AbortSignal): Promise<void> {
  const what = `remove network ${id.slice(0, 12)}`;
  const request = { method: 'DELETE', path: `/networks/${id}`, what, mutates: true } as const;
  try {
    await scope.client.call({ ...request, timeoutMs: scope.timeouts.change, signal });
  } catch (error) {
    const status = error instanceof EngineError ? member(error.cause, 'statusCode') : undefined;
    if (status !== 404 && status !== 403) throw error;
  }
}
