import { createDockerClient, type DockerClient } from './docker-client.js';
import type { EngineEndpoint } from './docker-endpoint.js';
import { infoOf } from './docker-info.js';
import { member, textOf } from './docker-json.js';
import { LABEL, networkName, OWNER_HOST, OWNER_VOLUME } from './docker-labels.js';
import { CALL_TIMEOUTS } from './docker-scope.js';
import { EngineError, type EngineInfo } from './driver.js';

export interface EngineLook {
  readonly info: EngineInfo;
  /** Id of the control plane that claimed the engine; null: nobody; empty: somebody made the volume by hand. */
  readonly owner: string | null;
  /** The name of the host that it is to that one; empty: nothing says. */
  readonly as: string;
  /** Whether the owner's network is there. */
  readonly network: boolean;
}

/** What an engine is like and whose it is, without changing anything on it. All failures are EngineErrors. */
export async function lookAtEngine(host: string, endpoint: EngineEndpoint): Promise<EngineLook> {
  const client = createDockerClient(host, endpoint);
  try {
    const info = infoOf(await read(client, 'info', '/info'));
    const volume = await readIfThere(client, `read volume ${OWNER_VOLUME}`, `/volumes/${OWNER_VOLUME}`);
    const owner = volume === null ? null : textOf(member(volume, 'Labels', LABEL.controlPlane));
    const name = owner ? networkName(owner) : null;
    const network = name === null ? null : await readIfThere(client, `read network ${name}`, `/networks/${name}`);
    const as = textOf(member(volume, 'Labels', OWNER_HOST));
    return { info, owner, as, network: network !== null };
  } finally {
    client.close();
  }
}

function read(client: DockerClient, what: string, path: string): Promise<unknown> {
  return client.call({ method: 'GET', path, what, mutates: false, timeoutMs: CALL_TIMEOUTS.read });
}

async function readIfThere(client: DockerClient, what: string, path: string): Promise<unknown> {
  try {
    return await read(client, what, path);
  } catch (error) {
    // The kind of a missing network is another: for a start it is a fault that stays.
    if (error instanceof EngineError && member(error.cause, 'statusCode') === 404) return null;
    throw error;
  }
}
