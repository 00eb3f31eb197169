import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.js';
import type { Calls } from './calls.js';
import type { DockerView } from './docker.js';
import { type EndState, endFaults } from './end-state.js';
import type { ContainerRecord, Ledger } from './ledger.js';
import type { Watch } from './watch.js';

export interface SettleParts {
  readonly ledger: Ledger;
  readonly calls: Calls;
  readonly watch: Watch;
  readonly docker: readonly DockerView[];
  /** The metrics of a process that works on containers. */
  readonly metrics: () => Promise<string>;
  readonly folderId: string;
  /** For the next operation to end, or for the rest when all have: deadlines are up to 20 s, and back-off grows to as much. */
  readonly settleSeconds: number;
}

const LOOK_MS = 1_000;

/** Waits until all is as it has to be; what is not when the time is up is a violation. Returns how long it took, in ms. */
export async function settle(parts: SettleParts, when: string): Promise<number> {
  const start = Date.now();
  let progress = { open: 0, at: start };
  for (;;) {
    await parts.watch.readOperations();
    const open = [...parts.ledger.entries].filter(({ end }) => end === null).length;
    if (open !== progress.open) progress = { open, at: Date.now() };
    const late = Date.now() - progress.at > parts.settleSeconds * 1_000;
    if (open === 0 || late) {
      const faults = await look(parts).then(
        (state) => [...endFaults(state, parts.ledger.containers)],
        (error: unknown) => [`what is there cannot be read: ${String(error)}`],
      );
      if (late) for (const fault of faults) parts.ledger.violation(`${when}: ${fault}`);
      if (late || faults.length === 0) return Date.now() - start;
    }
    await delay(LOOK_MS);
  }
}

/** Deletes all containers that are there, those too whose Delete has failed. */
export async function deleteAll({ ledger, calls }: SettleParts): Promise<void> {
  const left = ledger.containers.filter(
    ({ entries }) => !entries.some(({ method, end }) => method === 'Delete' && end?.operation.response),
  );
  await Promise.all(left.map((record) => deleteOne(record, ledger, calls)));
}

async function deleteOne(record: ContainerRecord, ledger: Ledger, calls: Calls): Promise<void> {
  record.deletedAt ??= Date.now();
  const request = { container_id: record.id };
  const answer = await calls.settle('Delete', (api: Api) => api.change('Delete', request, `last-${record.name}`));
  if ('refusal' in answer) return ledger.violation(`Delete of ${record.id} was refused: ${answer.refusal.message}`);
  ledger.acknowledged(record, {
    operationId: answer.reply.id,
    containerId: record.id,
    method: 'Delete',
    revisionId: null,
    canSucceed: true,
    scarce: false,
    acknowledgedAt: Date.now(),
    cancelled: false,
    end: null,
  });
}

async function look({ calls, ledger, docker, metrics, folderId }: SettleParts): Promise<EndState> {
  const ask = async <T>(method: string, call: (api: Api) => Promise<T>): Promise<T> => {
    const answer = await calls.settle(method, call);
    if ('reply' in answer) return answer.reply;
    throw new Error(`${method}: ${answer.refusal.message}`);
  };
  const containers = await ask('List', (api) => api.containers(folderId));
  const ids = containers.map(({ id }) => id).filter((id) => ledger.containers.some((record) => record.id === id));
  const each = async <T>(call: (id: string) => Promise<T>) =>
    new Map(await Promise.all(ids.map(async (id): Promise<[string, T]> => [id, await call(id)])));
  const engines = async <T>(read: (view: DockerView) => Promise<T>) =>
    new Map(await Promise.all(docker.map(async (view): Promise<[string, T]> => [view.host, await read(view)])));
  return {
    containers,
    operations: await each((id) => ask('ListOperations', (api) => api.operationsOf(id))),
    revisions: await each((id) => ask('ListRevisions', (api) => api.revisions(id))),
    docker: [...(await engines((view) => view.containers())).values()].flat(),
    networks: await engines((view) => view.networks()),
    volumes: await engines((view) => view.volumes()),
    leasedGpus: leasedGpus(await metrics()),
  };
}

/** By host. */
function leasedGpus(metrics: string): ReadonlyMap<string, number> {
  const lines = metrics.matchAll(/^longshore_gpus\{host="([^"]+)",use="leased"\} (\d+)$/gm);
  const found = new Map([...lines].map(([, host = '', count]) => [host, Number(count)]));
  if (found.size === 0) throw new Error('the metrics tell of no GPUs');
  return found;
}
