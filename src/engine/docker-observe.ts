import type { Makings } from '../domain/memo.js';
import { listOf, member, numberOf, textOf, textsOf } from './docker-json.js';
import { LABEL } from './docker-labels.js';
import { shorten } from './docker-text.js';
import type { InstanceIdentity, ObservedInstance } from './driver.js';

/** The answer of GET /containers/{id}/json as an instance of ours; null where the labels say that it is not. */
export function observe(inspect: unknown, controlPlaneId: string): ObservedInstance | null {
  const identity = identityOf(member(inspect, 'Config', 'Labels'), controlPlaneId);
  if (identity === null) return null;
  const name = textOf(member(inspect, 'Name')).replace(/^\//, '');
  const state = member(inspect, 'State');
  const label = (key: string) => textOf(member(inspect, 'Config', 'Labels', key));
  return {
    dockerId: textOf(member(inspect, 'Id')),
    name,
    identity,
    fence: fenceOf(name, identity.instanceId),
    specHash: label(LABEL.specHash),
    state: stateOf(textOf(member(state, 'Status'))),
    exitCode: numberOf(member(state, 'ExitCode')),
    oomKilled: member(state, 'OOMKilled') === true,
    error: shorten(textOf(member(state, 'Error'))),
    startedAt: textOf(member(state, 'StartedAt')),
    health: healthOf(textOf(member(state, 'Health', 'Status'))),
    imageId: textOf(member(inspect, 'Image')),
    gpuUuids: label(LABEL.gpus)
      .split(',')
      .filter((uuid) => uuid !== ''),
    port: portOf(member(inspect, 'HostConfig', 'PortBindings')),
  };
}

/** The answer of GET /containers/{id}/json as what an instance of ours was made with; null where the labels say that it is not. */
export function makingsOf(inspect: unknown, controlPlaneId: string): Makings | null {
  const config = member(inspect, 'Config');
  if (identityOf(member(config, 'Labels'), controlPlaneId) === null) return null;
  return {
    memo: textOf(member(config, 'Labels', LABEL.memo)),
    environment: textsOf(member(config, 'Env')),
    entrypoint: textsOf(member(config, 'Entrypoint')),
    cmd: textsOf(member(config, 'Cmd')),
  };
}

/** Who the labels say that a container belongs to; null unless it is this control plane and they are whole. */
export function identityOf(labels: unknown, controlPlaneId: string): InstanceIdentity | null {
  const label = (key: string) => textOf(member(labels, key));
  if (label(LABEL.controlPlane) !== controlPlaneId) return null;
  const ordinal = wholeNumber(label(LABEL.ordinal));
  const generation = wholeNumber(label(LABEL.generation));
  const containerId = label(LABEL.container);
  const instanceId = label(LABEL.instance);
  if (ordinal === null || generation === null || containerId === '' || instanceId === '') return null;
  return {
    controlPlaneId,
    containerId,
    revisionId: label(LABEL.revision),
    instanceId,
    ordinal,
    generation,
    operationId: label(LABEL.operation),
  };
}

/** The fence in `ls-<instance>-f<fence>`, 0 for any other name. */
function fenceOf(name: string, instanceId: string): number {
  const prefix = `ls-${instanceId}-f`;
  return name.startsWith(prefix) ? (wholeNumber(name.slice(prefix.length)) ?? 0) : 0;
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

const STATES: Readonly<Record<string, ObservedInstance['state']>> = {
  created: 'CREATED',
  running: 'RUNNING',
  paused: 'PAUSED',
  restarting: 'RESTARTING',
  exited: 'EXITED',
  dead: 'DEAD',
  removing: 'REMOVING',
};

/** A state that we do not know counts as running, so that its GPUs are not taken for free. */
function stateOf(status: string): ObservedInstance['state'] {
  return STATES[status] ?? 'RUNNING';
}

const HEALTH: Readonly<Record<string, ObservedInstance['health']>> = {
  starting: 'STARTING',
  healthy: 'HEALTHY',
  unhealthy: 'UNHEALTHY',
};

function healthOf(status: string): ObservedInstance['health'] {
  return HEALTH[status] ?? null;
}

function portOf(bindings: unknown): number | null {
  if (typeof bindings !== 'object' || bindings === null) return null;
  for (const hosts of Object.values(bindings)) {
    for (const host of listOf(hosts)) {
      const port = wholeNumber(textOf(member(host, 'HostPort')));
      if (port !== null && port > 0) return port;
    }
  }
  return null;
}
