import type { ApiContainer, ApiOperation, ApiRevision } from './api.js';
import type { DockerContainer } from './docker.js';
import type { ContainerRecord, Entry } from './ledger.js';

/** What is there when nothing is under way, as the API and Docker show it. */
export interface EndState {
  readonly containers: readonly ApiContainer[];
  readonly operations: ReadonlyMap<string, readonly ApiOperation[]>;
  readonly revisions: ReadonlyMap<string, readonly ApiRevision[]>;
  readonly docker: readonly DockerContainer[];
  readonly networks: ReadonlyMap<string, readonly string[]>;
  readonly volumes: ReadonlyMap<string, readonly string[]>;
  /** GPUs that are leased, by host, as the service counts them. */
  readonly leasedGpus: ReadonlyMap<string, number>;
}

const ITSELF = 'longshore';
const OWNER_VOLUME = 'longshore-owner';

/** One line for each thing that is not as it has to be, when all faults were lifted and nothing is asked for any more. */
export function* endFaults(state: EndState, records: readonly ContainerRecord[]): Generator<string> {
  for (const record of records) yield* containerFaults(state, record);
  const known = new Set(records.map(({ id }) => id));
  for (const { id, name } of state.containers) if (!known.has(id)) yield `nobody created container ${id} (${name})`;
  yield* strays(state);
  yield* sharedGpus(state.docker);
  yield* leaseFaults(state, records);
}

function* containerFaults(state: EndState, record: ContainerRecord): Generator<string> {
  const open = record.entries.filter(({ end }) => end === null);
  for (const { operationId, method } of open) yield `operation ${operationId} (${method}) has not ended`;
  if (open.length > 0) return;
  const found = state.containers.find(({ id }) => id === record.id);
  const running = state.docker.filter((one) => one.container === record.id && one.running);
  if (isDeleted(record)) {
    if (found !== undefined) yield `container ${record.id} was deleted and is ${found.status}`;
    for (const { name, host } of running) yield `${name} runs on ${host}, and its container ${record.id} was deleted`;
    return;
  }
  if (found === undefined) return yield `container ${record.id} is gone, and nobody deleted it`;
  const operations = state.operations.get(record.id) ?? [];
  yield* journalFaults(record, operations);
  if (record.deletedAt !== null) return; // a Delete that failed: it can be repeated, and nothing is promised meanwhile
  yield* activeFaults(record, { found, operations, revisions: state.revisions.get(record.id) ?? [] });
  if (found.status !== 'ACTIVE') yield `container ${record.id} is ${found.status}: ${found.status_message}`;
  const { active, stopped } = standing(record, operations);
  yield* instanceFaults(record, found, state.docker, stopped ? null : active);
}

/** One container with all that belongs to it, when nothing of it was under way. */
export interface Shown {
  readonly found: ApiContainer;
  readonly operations: readonly ApiOperation[];
  readonly revisions: readonly ApiRevision[];
}

/** What is active is what the last operation that succeeded made so. */
export function* activeFaults(record: ContainerRecord, { found, operations, revisions }: Shown): Generator<string> {
  const { active, stopped } = standing(record, operations);
  if (found.stopped !== stopped)
    yield `container ${record.id} (${record.name}) says ${found.stopped} to stopped; by its operations that is ${stopped}`;
  for (const { id, state } of found.instances) {
    if (stopped && (state === 'STATE_RUNNING' || state === 'STATE_STARTING'))
      yield `container ${record.id} (${record.name}) is stopped, and instance ${id} is ${state}`;
  }
  if ((found.active_revision_id || null) !== active)
    yield `container ${record.id} (${record.name}) has ${found.active_revision_id || 'nothing'} active; the last operation that succeeded made it ${active}`;
  yield* revisionFaults(record, revisions, active);
}

function* journalFaults(record: ContainerRecord, operations: readonly ApiOperation[]): Generator<string> {
  for (const { operationId } of record.entries) {
    if (!operations.some(({ id }) => id === operationId))
      yield `operation ${operationId} was acknowledged and is not among those of container ${record.id}`;
  }
  for (const { id, created_by, description, done } of operations) {
    if (record.entries.some(({ operationId }) => operationId === id)) continue;
    if (created_by !== ITSELF) yield `nobody asked for operation ${id} of container ${record.id} (${description})`;
    else if (!done) yield `operation ${id} (${description}), of the service itself, has not ended`;
  }
}

function* revisionFaults(
  record: ContainerRecord,
  revisions: readonly ApiRevision[],
  active: string | null,
): Generator<string> {
  const ids = revisions.filter(({ status }) => status === 'ACTIVE').map(({ id }) => id);
  if (ids.join() !== (active ?? ''))
    yield `ACTIVE revisions of ${record.id} are ${ids.join() || 'none'}, and should be ${active}`;
  for (const { id, status } of revisions) {
    if (status !== 'ACTIVE' && status !== 'OBSOLETE') yield `revision ${id} of ${record.id} is ${status}`;
    if (!record.revisions.has(id)) yield `nobody deployed revision ${id} of ${record.id}`;
  }
}

function* instanceFaults(
  record: ContainerRecord,
  found: ApiContainer,
  docker: readonly DockerContainer[],
  wanted: string | null,
): Generator<string> {
  const ours = docker.filter(({ container }) => container === record.id);
  const running = ours.filter((one) => one.running);
  const shown = running.map(({ name, host, revision }) => `${name} of ${revision} on ${host}`).join(', ') || 'nothing';
  if (running.map(({ revision }) => revision).join() !== (wanted ?? ''))
    yield `of container ${record.id} (${record.name}) runs ${shown}; it should be ${wanted === null ? 'nothing' : `one instance of ${wanted}`} (${found.status_message})`;
  for (const { name, host, instance, status } of ours) {
    const told = found.instances.find(({ id }) => id === instance);
    if (told === undefined) yield `${name} (${status}) is on ${host}, and container ${record.id} has no such instance`;
    else if (told.host !== host) yield `${name} is on ${host}, and the API says that it is on ${told.host}`;
  }
  for (const { id, state } of found.instances) {
    const there = ours.filter(({ instance }) => instance === id);
    if (there.length === 0) yield `instance ${id} of ${record.id} is ${state}, and is not there on Docker`;
    if (there.length > 1) yield `instance ${id} has ${there.length} Docker containers`;
    else if ((state === 'STATE_RUNNING') !== there.some((one) => one.running))
      yield `instance ${id} is ${state}, and ${there.map(({ status }) => status).join()} on Docker`;
  }
}

/** Everything on the engines that is ours belongs to a container that is there. */
function* strays({ containers, docker, networks, volumes }: EndState): Generator<string> {
  for (const { name, host, container, status } of docker) {
    if (!containers.some(({ id }) => id === container))
      yield `${name} (${status}) is left on ${host}, and its container ${container} is gone`;
  }
  for (const [host, names] of networks) if (names.length > 1) yield `${host} has the networks ${names.join(', ')}`;
  for (const [host, names] of volumes) {
    const others = names.filter((name) => name !== OWNER_VOLUME);
    if (others.length > 0) yield `${host} has the volumes ${others.join(', ')}`;
  }
}

function* sharedGpus(docker: readonly DockerContainer[]): Generator<string> {
  const running = docker.filter((one) => one.running);
  for (const [index, one] of running.entries()) {
    for (const other of running.slice(index + 1)) {
      const both = one.gpus.filter((gpu) => other.gpus.includes(gpu));
      if (both.length > 0) yield `${one.name} and ${other.name} both run with ${both.join()}`;
    }
  }
}

/** What runs holds its GPUs, and nothing else holds any, but for what a Delete or a Stop has left because it may run unseen. */
function* leaseFaults({ docker, leasedGpus }: EndState, records: readonly ContainerRecord[]): Generator<string> {
  const mayRun = new Set(records.filter(isLeft).map(({ id }) => id));
  for (const [host, leased] of leasedGpus) {
    const here = docker.filter((one) => one.host === host);
    const used = here.filter(({ running }) => running).flatMap(({ gpus }) => gpus).length;
    const left = here.filter(({ running, container }) => !running && mayRun.has(container)).flatMap(({ gpus }) => gpus);
    if (leased < used || leased > used + left.length)
      yield `${leased} GPUs of ${host} are leased, and ${used} are in use`;
  }
}

const CANCELLED = 1;
const FAILED_PRECONDITION = 9;

const isLeft = ({ entries }: ContainerRecord): boolean =>
  entries.some(
    ({ method, end }) =>
      (method === 'Delete' || method === 'Stop') && end?.operation.error?.code === FAILED_PRECONDITION,
  );

export function isDeleted(record: ContainerRecord): boolean {
  return record.entries.some(({ method, end }) => method === 'Delete' && end?.operation.response != null);
}

export interface Standing {
  readonly active: string | null;
  readonly stopped: boolean;
}

/**
 * What has become of a container by the operations that had an effect, those of the service itself among `operations` included. Those of a container run
 * first in, first out, so in the order in which they were asked for.
 */
export function standing({ entries }: ContainerRecord, operations: readonly ApiOperation[]): Standing {
  const own = operations
    .filter((one) => one.created_by === ITSELF && one.response != null)
    .map((one) => ({ method: 'Rollback', revisionId: revertedTo(one), operation: one }) as const);
  const asked = entries.flatMap(({ method, revisionId, end }) =>
    end !== null && hadEffect(method, end.operation) ? [{ method, revisionId, operation: end.operation }] : [],
  );
  return [...asked, ...own]
    .sort((one, other) => byAge(one.operation, other.operation))
    .reduce(after, { active: null, stopped: false });
}

/** A Stop that fails has begun, unless it was cancelled before it could. */
function hadEffect(method: Entry['method'], { response, error }: ApiOperation): boolean {
  return response != null || (method === 'Stop' && error?.code !== CANCELLED);
}

function after({ active, stopped }: Standing, { method, revisionId }: Pick<Entry, 'method' | 'revisionId'>): Standing {
  switch (method) {
    case 'DeployRevision':
      return { active: revisionId, stopped: false };
    case 'Rollback':
      // To what is active anyway it changes nothing.
      return { active: revisionId, stopped: stopped && revisionId === active };
    case 'Stop':
      return { active, stopped: active !== null };
    case 'Start':
      return { active, stopped: false };
    default:
      return { active, stopped };
  }
}

function byAge(one: ApiOperation, other: ApiOperation): number {
  const seconds = (one.created_at?.seconds ?? 0) - (other.created_at?.seconds ?? 0);
  return seconds !== 0 ? seconds : (one.created_at?.nanos ?? 0) - (other.created_at?.nanos ?? 0);
}

/** The second field of a rollback's metadata: tag 0x12, length, text. */
function revertedTo({ metadata }: ApiOperation): string | null {
  const message = metadata?.value ?? Buffer.alloc(0);
  const at = 2 + (message[1] ?? 0);
  return message[at] === 0x12 ? message.subarray(at + 2, at + 2 + (message[at + 1] ?? 0)).toString() : null;
}
