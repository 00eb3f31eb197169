import type { Makings } from '../domain/memo.js';
import { devicesOf } from './docker-foreign.js';
import { listOf, member, textOf } from './docker-json.js';
import { LABEL } from './docker-labels.js';
import { makingsOf, observe } from './docker-observe.js';
import type { EngineScope } from './docker-scope.js';
import { EngineError, type InstanceFilter, type ObservedInstance } from './driver.js';

const PARALLEL_INSPECTS = 8;

type Filters = Readonly<Record<string, readonly string[]>>;

/** Whose devices may be in use. */
const HOLDING = ['running', 'paused', 'restarting'];

/** Ours, in every state unless the filter says otherwise. One that goes between being listed and being inspected is left out, as if it had gone before. */
export async function listInstances(
  scope: EngineScope,
  { containerId, active }: InstanceFilter,
  signal?: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const label = [`${LABEL.controlPlane}=${scope.controlPlaneId}`];
  if (containerId !== undefined) label.push(`${LABEL.container}=${containerId}`);
  const status: Filters = active ? { status: [...HOLDING, 'removing'] } : {};
  const ids = await listIds(scope, { label, ...status }, () => true, signal);
  const inspected = await inspectAll(scope, ids, signal);
  return inspected.map((inspect) => observe(inspect, scope.controlPlaneId)).filter((instance) => instance !== null);
}

export async function inspectInstance(
  scope: EngineScope,
  name: string,
  signal?: AbortSignal,
): Promise<ObservedInstance | null> {
  const inspect = await inspectOrNull(scope, name, signal);
  return inspect === null ? null : observe(inspect, scope.controlPlaneId);
}

export async function inspectMakings(scope: EngineScope, name: string, signal?: AbortSignal): Promise<Makings | null> {
  const inspect = await inspectOrNull(scope, name, signal);
  return inspect === null ? null : makingsOf(inspect, scope.controlPlaneId);
}

/** Devices of what runs here without being ours, another control plane's included. */
export async function listForeignGpus(
  scope: EngineScope,
  allUuids: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (allUuids.length === 0) return [];
  const isForeign = (summary: unknown) => member(summary, 'Labels', LABEL.controlPlane) !== scope.controlPlaneId;
  const ids = await listIds(scope, { status: HOLDING }, isForeign, signal);
  const taken = new Set<string>();
  for (const inspect of await inspectAll(scope, ids, signal))
    for (const uuid of devicesOf(inspect, allUuids)) taken.add(uuid);
  return allUuids.filter((uuid) => taken.has(uuid));
}

async function listIds(
  scope: EngineScope,
  filters: Filters,
  wanted: (summary: unknown) => boolean,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const summaries = await scope.client.call({
    method: 'GET',
    path: '/containers/json',
    query: { all: 'true', filters: JSON.stringify(filters) },
    what: 'list containers',
    mutates: false,
    timeoutMs: scope.timeouts.read,
    signal,
  });
  return listOf(summaries)
    .filter(wanted)
    .map((summary) => textOf(member(summary, 'Id')))
    .filter((id) => id !== '');
}

async function inspectAll(scope: EngineScope, ids: readonly string[], signal?: AbortSignal): Promise<unknown[]> {
  const inspected: unknown[] = [];
  const waiting = ids.entries();
  const work = async () => {
    for (const [index, id] of waiting) inspected[index] = await inspectOrNull(scope, id, signal);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_INSPECTS, ids.length) }, work));
  return inspected.filter((inspect) => inspect !== null);
}

async function inspectOrNull(scope: EngineScope, id: string, signal?: AbortSignal): Promise<unknown> {
  try {
    const what = `inspect ${id.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1')}`;
    const path = `/containers/${encodeURIComponent(id)}/json`;
    return await scope.client.call({
      method: 'GET',
      path,
      what,
      mutates: false,
      timeoutMs: scope.timeouts.read,
      signal,
    });
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'NOT_FOUND') return null;
    throw error;
  }
}
