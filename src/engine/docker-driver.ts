import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { CredentialSource } from './docker-auth.js';
import { createDockerClient, type DockerRequest } from './docker-client.js';
import type { EngineEndpoint } from './docker-endpoint.js';
import { engineError, toEngineError } from './docker-errors.js';
import { containerEvents } from './docker-events.js';
import { findImage, listImages, removeImage } from './docker-image.js';
import { infoOf } from './docker-info.js';
import { member, textOf } from './docker-json.js';
import { LABEL } from './docker-labels.js';
import { inspectInstance, inspectMakings, listForeignGpus, listInstances } from './docker-list.js';
import { readLogs } from './docker-logs.js';
import { claimEngine, ensureNetwork } from './docker-owner.js';
import { pullImage } from './docker-pull.js';
import { parseReference } from './docker-reference.js';
import { CALL_TIMEOUTS, type CallTimeouts, type EngineScope } from './docker-scope.js';
import { CONTAINER_DEFAULTS, type ContainerDefaults, createBody } from './docker-spec.js';
import { type EngineDriver, EngineError, type InstanceSpec } from './driver.js';

export interface DockerDriverDeps {
  /** The host's name in Longshore; in every EngineError. */
  readonly host: string;
  readonly endpoint: EngineEndpoint;
  readonly controlPlaneId: string;
  readonly credentials: CredentialSource;
  readonly defaults?: ContainerDefaults;
  readonly timeouts?: CallTimeouts;
}

/** An EngineDriver that holds connections until it is closed. */
export interface DockerDriver extends EngineDriver {
  close(): void;
}

/** The EngineDriver of one Docker Engine. Each method makes at most one call that changes something. */
export function createDockerDriver(deps: DockerDriverDeps): DockerDriver {
  const { host, endpoint, controlPlaneId, timeouts = CALL_TIMEOUTS } = deps;
  const client = createDockerClient(host, endpoint);
  const scope: EngineScope = { host, client, controlPlaneId, timeouts };
  const change = (name: string, request: ChangeRequest) => changeContainer(scope, name, request);
  return {
    host,
    ping: async (signal) => {
      await client.call({ ...read(scope, 'ping', '/_ping', signal), timeoutMs: timeouts.ping });
    },
    info: async (signal) => infoOf(await client.call(read(scope, 'info', '/info', signal))),
    list: (filter, signal) => listInstances(scope, filter, signal),
    inspect: (name, signal) => inspectInstance(scope, name, signal),
    makings: (name, signal) => inspectMakings(scope, name, signal),
    foreignGpus: (allUuids, signal) => listForeignGpus(scope, allUuids, signal),
    findImage: (reference, signal) => findImage(scope, reference, signal),
    pull: async (text, options) => {
      const context = { host, what: `pull ${text}`, mutates: true };
      const reference = parseReference(text);
      if (reference?.kind !== 'name')
        throw engineError('PERMANENT', context, 'this is no reference of a registry image');
      await pullImage({ host, client, credentials: deps.credentials }, reference, options);
      const image = await findImage(scope, text, options.signal);
      if (image === null) throw engineError('TRANSIENT', context, 'the image was gone right after the pull');
      return image;
    },
    images: (signal) => listImages(scope, signal),
    removeImage: (reference, signal) => removeImage(scope, reference, signal),
    create: (instance, signal) => create(scope, instance, deps.defaults ?? CONTAINER_DEFAULTS, signal),
    start: (name, signal) => change(name, { verb: 'start', timeoutMs: timeouts.slow, signal }),
    stop: (name, graceSeconds, signal) => {
      const query = { t: String(graceSeconds) };
      return change(name, { verb: 'stop', query, timeoutMs: graceSeconds * 1000 + timeouts.stopMargin, signal });
    },
    rename: (name, newName, signal) =>
      change(name, { verb: 'rename', query: { name: newName }, timeoutMs: timeouts.change, signal }),
    remove: async (name, signal) => {
      const query = { v: 'true', force: 'true' };
      await change(name, { verb: 'remove', query, timeoutMs: timeouts.slow, signal }).catch((error: unknown) => {
        if (!(error instanceof EngineError && error.kind === 'NOT_FOUND')) throw error;
      });
    },
    logs: (name, limit, signal) => readLogs(scope, name, limit, signal),
    ensureNetwork: (signal) => ensureNetwork(scope, signal),
    claim: (signal) => claimEngine(scope, signal),
    events: (signal, listening) => containerEvents(scope, signal, listening),
    close: () => client.close(),
  };
}

interface ChangeRequest {
  readonly verb: 'start' | 'stop' | 'rename' | 'remove';
  readonly query?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

function read(scope: EngineScope, what: string, path: string, signal?: AbortSignal): DockerRequest {
  return { method: 'GET', path, what, mutates: false, timeoutMs: scope.timeouts.read, signal };
}

async function create(scope: EngineScope, instance: InstanceSpec, defaults: ContainerDefaults, signal?: AbortSignal) {
  const what = `create ${instance.name}`;
  const address = await hostIp(scope.host, what, instance);
  await scope.client.call({
    method: 'POST',
    path: '/containers/create',
    query: { name: instance.name },
    body: createBody(instance, defaults, address),
    what,
    mutates: true,
    timeoutMs: scope.timeouts.change,
    signal,
  });
}

/** Docker binds ports to addresses only, while a host may be reached by its name. */
async function hostIp(host: string, what: string, instance: InstanceSpec): Promise<string> {
  if (instance.port === null || isIP(instance.address) !== 0) return instance.address;
  try {
    return (await lookup(instance.address)).address;
  } catch (error) {
    throw toEngineError(error, { host, what, mutates: true });
  }
}

async function changeContainer(scope: EngineScope, name: string, request: ChangeRequest): Promise<void> {
  const { verb, query, timeoutMs, signal } = request;
  await refuseForeign(scope, name, verb, signal);
  const path = `/containers/${encodeURIComponent(name)}`;
  const remove = verb === 'remove';
  await scope.client.call({
    method: remove ? 'DELETE' : 'POST',
    path: remove ? path : `${path}/${verb}`,
    ...(query !== undefined && { query }),
    what: `${verb} ${name}`,
    mutates: true,
    timeoutMs,
    signal,
  });
}

/**
 * A name of ours holds the id of an instance, which nobody else's container has. A container of ours that was renamed by hand
 * may have any name, and by now another container may have that one.
 */
async function refuseForeign(scope: EngineScope, name: string, verb: string, signal?: AbortSignal): Promise<void> {
  if (/^ls-[a-z0-9]+-f\d+$/.test(name)) return;
  const what = `${verb} ${name}`;
  const inspect = await scope.client.call(read(scope, what, `/containers/${encodeURIComponent(name)}/json`, signal));
  if (textOf(member(inspect, 'Config', 'Labels', LABEL.controlPlane)) !== scope.controlPlaneId)
    throw engineError('CONFLICT', { host: scope.host, what, mutates: false }, 'this container is not ours');
}
