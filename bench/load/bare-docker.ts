import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import type { RevisionSpec } from '../../src/domain/revision.js';
import { LABEL } from '../../src/engine/docker-labels.js';
import { CONTAINER_DEFAULTS, createBody } from '../../src/engine/docker-spec.js';
import { instanceName } from '../../src/engine/driver.js';
import { http } from '../../test/support/http.js';
import { newId } from '../../test/support/store-fixture.js';

/** What a person would write who has dockerode and no control plane: one container after another, and a look until it answers. */
export interface BareDocker {
  /** Creates and starts a container with the body that a deploy sends, and resolves at its first answered request. */
  run(): Promise<BareContainer>;
}

export interface BareContainer {
  /** Starts it again, and resolves at its first answered request. */
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export interface Pattern {
  readonly spec: RevisionSpec;
  readonly imageId: string;
  readonly controlPlaneId: string;
}

/** How often it is asked whether it answers: more often would take from it the processor that it starts on. */
const LOOK_MS = 5;

export function createBareDocker(
  socketPath: string,
  pattern: Pattern,
  ports: { readonly first: number; readonly last: number },
): BareDocker {
  const docker = new Docker({ socketPath });
  const free = Array.from({ length: ports.last - ports.first + 1 }, (_, at) => ports.first + at);
  return {
    async run() {
      const port = free.shift();
      if (port === undefined) throw new Error('no port is left for dockerode');
      const container = await docker.createContainer(bodyOf(pattern, port));
      const start = async () => {
        await container.start();
        await firstAnswer(port);
      };
      await start();
      return {
        start,
        stop: async () => void (await container.stop({ t: 10 })),
        remove: async () => {
          await container.remove({ force: true, v: true });
          free.push(port);
        },
      };
    },
  };
}

/** The very body of a deploy, but for who it belongs to: or the service would take it for its own. */
function bodyOf({ spec, imageId, controlPlaneId }: Pattern, port: number) {
  const instanceId = newId('instance');
  const identity = {
    controlPlaneId,
    containerId: newId('container'),
    revisionId: newId('revision'),
    instanceId,
    ordinal: 0,
    generation: 2,
    operationId: newId('operation'),
  };
  const name = instanceName(instanceId, 1_000);
  const instance = { name, identity, imageId, spec, gpuUuids: [], port, address: '127.0.0.1' };
  const body = createBody(instance, CONTAINER_DEFAULTS, '127.0.0.1');
  const labels = { ...body.Labels, [LABEL.controlPlane]: controlPlaneId.toUpperCase() };
  // Dockerode's type of it has lists that can be changed, ours has not.
  const { Env, Entrypoint, Cmd, HostConfig, ...rest } = body;
  const lists = { Env: [...Env], ...(Entrypoint && { Entrypoint: [...Entrypoint] }), ...(Cmd && { Cmd: [...Cmd] }) };
  const host: object = HostConfig;
  return { ...rest, ...lists, HostConfig: host, Labels: labels, name };
}

async function firstAnswer(port: number): Promise<void> {
  for (;;) {
    try {
      await http(`http://127.0.0.1:${port}/`);
      return;
    } catch {
      // Docker's port proxy closes the connection while nobody listens behind it.
      await delay(LOOK_MS);
    }
  }
}
