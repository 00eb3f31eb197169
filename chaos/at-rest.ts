import { type Api, CODE } from './api.js';
import type { Calls } from './calls.js';
import type { DockerContainer } from './docker.js';
import { activeFaults } from './end-state.js';
import type { ContainerRecord, Entry } from './ledger.js';

/*
 * What can be said in the middle of a run: of a container of which nothing is asked and nothing is under way, and of Docker containers that
 * nobody can want any more. None of it depends on the faults that are in force.
 */

/** Whether all that was asked of it has ended, and nothing is being asked. Of one that is to be deleted it is never said. */
export function isAtRest({ asking, entries, deletedAt }: ContainerRecord): boolean {
  return !asking && deletedAt === null && entries.every(({ end }) => end !== null);
}

/** Nothing where it was not at rest all the while, or where no process answered. */
export async function restFaults(record: ContainerRecord, calls: Calls): Promise<readonly string[]> {
  const asked = record.entries.length;
  const ask = async <T>(method: string, call: (api: Api) => Promise<T>): Promise<T | null> => {
    const answer = await calls.once(method, call);
    return answer !== null && 'reply' in answer ? answer.reply : null;
  };
  const before = await ask('ListOperations', (api) => api.operationsOf(record.id));
  const found = await ask('Get', (api) => api.container(record.id));
  const revisions = await ask('ListRevisions', (api) => api.revisions(record.id));
  const after = await ask('ListOperations', (api) => api.operationsOf(record.id));
  if (before === null || found === null || revisions === null || after === null) return [];
  // Reverts by the service itself count too.
  const quiet = before.length === after.length && [...before, ...after].every(({ done }) => done);
  if (!quiet || !isAtRest(record) || record.entries.length !== asked) return [];
  return [...activeFaults(record, { found, revisions, operations: after })];
}

/** Those that run, or were started, when nobody could want it any more. They were asked for at `askedAt`. */
export function* unwantedFaults(
  found: readonly DockerContainer[],
  records: readonly ContainerRecord[],
  askedAt: number,
): Generator<string> {
  for (const { name, host, container, revision, running, startedAt } of found) {
    const record = records.find(({ id }) => id === container);
    const entries = record?.entries ?? [];
    const stopped = record && stopOf(record);
    if (running && stopped?.end && stopped.end.at < askedAt)
      yield `${name} runs on ${host}, and its container ${container} was stopped by ${stopped.operationId}`;
    const deleted = entries.find(({ method, end }) => method === 'Delete' && end?.operation.response);
    if (running && deleted?.end && deleted.end.at < askedAt)
      yield `${name} runs on ${host}, and its container ${container} was deleted`;
    const given = deleted ?? entries.find((entry) => entry.revisionId === revision && hasFailed(entry));
    if (given !== undefined && startedAt > endOf(given))
      yield `${name} was started on ${host} at ${new Date(startedAt).toISOString()}, after the end of ${given.operationId} (${given.method}), which left it unwanted`;
  }
}

/** The Stop that succeeded, where nothing was asked for since. */
function stopOf({ asking, entries }: ContainerRecord): Entry | undefined {
  const last = asking ? undefined : entries.at(-1);
  return last?.method === 'Stop' && last.end?.operation.response ? last : undefined;
}

/** A host that did not answer in time may do what it was asked for after the end of the operation that says so. */
function hasFailed({ method, end }: Entry): boolean {
  const code = end?.operation.error?.code;
  return method === 'DeployRevision' && code !== undefined && code !== CODE.UNAVAILABLE;
}

/** By the clock of Redis, which is that of the engines here. */
function endOf({ end }: Entry): number {
  const { seconds, nanos } = end?.operation.modified_at ?? { seconds: Number.POSITIVE_INFINITY, nanos: 0 };
  return seconds * 1_000 + nanos / 1_000_000;
}
