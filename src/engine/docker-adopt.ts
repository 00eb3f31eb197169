import { createDockerClient } from './docker-client.js';
import type { EngineEndpoint } from './docker-endpoint.js';
import { engineError } from './docker-errors.js';
import { listOf, member, textOf } from './docker-json.js';
import { LABEL, OWNER_VOLUME } from './docker-labels.js';
import { claimEngine } from './docker-owner.js';
import { CALL_TIMEOUTS, type EngineScope } from './docker-scope.js';
import { EngineError } from './driver.js';

export interface Legacy {
  /** Id of the control plane that has claimed the engine; null: nobody has. */
  readonly former: string | null;
  /** What is there of it, where it is not whoever asks. */
  readonly left: readonly LeftContainer[];
}

export interface Adoption extends Legacy {
  /** Who has claimed it now: whoever asked for it, unless somebody else was faster. */
  readonly owner: string;
}

export interface LeftContainer {
  readonly name: string;
  /** Docker's word: running, exited ... */
  readonly state: string;
  /** The former control plane's id of the container that it belongs to. */
  readonly containerId: string;
  /** UUIDs. */
  readonly gpus: readonly string[];
  /** It says what its records were, so that they can be made again. */
  readonly hasMemo: boolean;
}

/** Whose an engine is, and what is there of that one, for control plane `controlPlaneId`. Changes nothing; fails as `adoptEngine` does. */
export async function legacyOf(host: string, endpoint: EngineEndpoint, controlPlaneId: string): Promise<Legacy> {
  return withScope(host, endpoint, controlPlaneId, legacy);
}

/**
 * Takes an engine over from another control plane: its claim is removed, and ours is made as any claim is. It is for people who know that the other one
 * is gone for good. Fails with EngineError; CONFLICT where somebody has made the volume by hand.
 */
export async function adoptEngine(host: string, endpoint: EngineEndpoint, controlPlaneId: string): Promise<Adoption> {
  return withScope(host, endpoint, controlPlaneId, async (scope) => {
    const { former, left } = await legacy(scope);
    if (former !== null && former !== controlPlaneId) await removeClaim(scope);
    return { former, left, owner: (await claimEngine(scope)).owner };
  });
}

async function withScope<T>(
  host: string,
  endpoint: EngineEndpoint,
  controlPlaneId: string,
  use: (scope: EngineScope) => Promise<T>,
): Promise<T> {
  const client = createDockerClient(host, endpoint);
  try {
    return await use({ host, client, controlPlaneId, timeouts: CALL_TIMEOUTS });
  } finally {
    client.close();
  }
}

async function legacy(scope: EngineScope): Promise<Legacy> {
  const former = await ownerOf(scope);
  return { former, left: former === null || former === scope.controlPlaneId ? [] : await leftBy(scope, former) };
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
      hasMemo: label(LABEL.memo) !== '',
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
