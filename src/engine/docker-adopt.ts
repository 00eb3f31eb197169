import { createDockerClient } from './docker-client.js';
import type { EngineEndpoint } from './docker-endpoint.js';
import { engineError } from './docker-errors.js';
import { listOf, member, textOf } from './docker-json.js';
import { LABEL, OWNER_VOLUME } from './docker-labels.js';
import { claimEngine } from './docker-owner.js';
import { CALL_TIMEOUTS, type EngineScope } from './docker-scope.js';
import { EngineError } from './driver.js';

export interface Adoption {
  /** Id of the control plane that had claimed the engine; null: nobody had. */
  readonly former: string | null;
  /** Who has claimed it now: whoever asked for it, unless somebody else was faster. */
  readonly owner: string;
  /** What the former one left. Nothing of it was touched. */
  readonly left: readonly LeftContainer[];
}

export interface LeftContainer {
  readonly name: string;
  /** Docker's word: running, exited ... */
  readonly state: string;
  /** The former control plane's id of the container that it belongs to. */
  readonly containerId: string;
  /** UUIDs. */
  readonly gpus: readonly string[];
}

/**
 * Takes an engine over from another control plane: its claim is removed, and ours is made as any claim is. It is for people who know that the other one
 * is gone for good. Fails with EngineError; CONFLICT where somebody has made the volume by hand.
 */
export async function adoptEngine(host: string, endpoint: EngineEndpoint, controlPlaneId: string): Promise<Adoption> {
  const client = createDockerClient(host, endpoint);
  const scope: EngineScope = { host, client, controlPlaneId, timeouts: CALL_TIMEOUTS };
  try {
    const former = await ownerOf(scope);
    const left = former === null || former === controlPlaneId ? [] : await leftBy(scope, former);
    if (former !== null && former !== controlPlaneId) await removeClaim(scope);
    return { former, left, owner: (await claimEngine(scope)).owner };
  } finally {
    client.close();
  }
}

async function ownerOf(scope: EngineScope): Promise<string | null> {
  const what = `read volume ${OWNER_VOLUME}`;
  const { host, client, timeouts } = scope;
  const request = { method: 'GET', path: `/volumes/${OWNER_VOLUME}`, what, mutates: false } as const;
  const volume = await client.call({ ...request, timeoutMs: timeouts.read }).catch((error: unknown) => {
    if (error instanceof EngineError && member(error.cause, 'statusCode') === 404) return null;
    throw error;
  });
  if (volume === null) return null;
  const owner = textOf(member(volume, 'Labels', LABEL.controlPlane));
  if (owner !== '') return owner;
  const text = `a volume of this name exists that Longshore did not make (it has no label ${LABEL.controlPlane})`;
  throw engineError('CONFLICT', { host, what, mutates: false }, text);
}

async function leftBy({ client, timeouts }: EngineScope, owner: string): Promise<readonly LeftContainer[]> {
  const found = await client.call({
    method: 'GET',
    path: '/containers/json',
    query: { all: 'true', filters: JSON.stringify({ label: [`${LABEL.controlPlane}=${owner}`] }) },
    what: 'list containers',
    mutates: false,
    timeoutMs: timeouts.read,
  });
  return listOf(found).map((summary) => {
    const label = (key: string) => textOf(member(summary, 'Labels', key));
    const [name] = listOf(member(summary, 'Names')).map(textOf);
    return {
      name: (name ?? '').replace(/^\//, ''),
      state: textOf(member(summary, 'State')),
      containerId: label(LABEL.container),
      gpus: label(LABEL.gpus).split(',').filter(Boolean),
    };
  });
}

async function removeClaim({ client, timeouts }: EngineScope): Promise<void> {
  const what = `remove volume ${OWNER_VOLUME}`;
  const request = { method: 'DELETE', path: `/volumes/${OWNER_VOLUME}`, what, mutates: true } as const;
  await client.call({ ...request, timeoutMs: timeouts.change }).catch((error: unknown) => {
    if (!(error instanceof EngineError && member(error.cause, 'statusCode') === 404)) throw error;
  });
}
