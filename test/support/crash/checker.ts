import type { DockerContainer, InstanceState, World } from './world.js';

/*
 * Whether what is there is what was asked for: nothing lost, doubled or leaked. It shares no code with the service.
 */

export interface Expected {
  readonly containerId: string;
  /** In the order of their submission: `OK`, or the status code of the error; any of several where a race decides. */
  readonly operations: readonly { readonly id: string; readonly results: readonly (number | 'OK')[] }[];
  /** Of the last deploy or rollback that succeeded; null: nothing was ever deployed. */
  readonly activeRevisionId: string | null;
  /** That revision is not to run. */
  readonly stopped: boolean;
  /** What the active revision answers to GET /; null: nothing, as one does that serves no HTTP. */
  readonly answers: string | null;
  readonly deleted: boolean;
  /** The Docker container that must still be the one that runs. */
  readonly dockerId: string | null;
  /** All operations that were ever submitted: there may be no other. */
  readonly submitted: ReadonlySet<string>;
  /** The host that must have been left. */
  readonly leftHost: string | null;
  readonly description: string;
  /** As `role of subject`. */
  readonly bindings: readonly string[];
}

/** What was seen while it went on, since it cannot be seen afterwards. */
export interface Watched {
  /** How often an operation was announced as ended. */
  readonly ended: ReadonlyMap<string, number>;
  /** Two running containers with the same GPU, at any time. */
  readonly overlaps: readonly string[];
}

export const RETAINED_LIMIT = 2;

/** One line for each thing that is wrong; empty if all is well. */
export function faultsOf(world: World, expected: Expected, watched: Watched): readonly string[] {
  return [
    ...operationFaults(world, expected, watched),
    ...queueFaults(world),
    ...(expected.deleted ? deletionFaults(world, expected) : containerFaults(world, expected)),
    ...strays(world, expected),
    ...instanceFaults(world, expected),
    ...deviceFaults(world),
    ...watched.overlaps,
  ];
}

function* operationFaults(world: World, expected: Expected, { ended }: Watched): Generator<string> {
  for (const [index, { id, results }] of expected.operations.entries()) {
    const inRedis = world.operations.get(id)?.['state'];
    if (inRedis !== 'DONE') yield `operation ${id} is ${inRedis ?? 'gone'} in Redis`;
    const seen = world.api.operations[index];
    const result = seen?.error ? seen.error.code : seen?.response ? 'OK' : null;
    if (seen?.done !== true || result === null) yield `operation ${id} is not done for the API`;
    else if (!results.includes(result)) {
      yield `operation ${id} ended with ${result} (${seen.error?.message ?? ''}), expected ${results.join(' or ')}`;
    }
    const times = ended.get(id) ?? 0;
    if (times !== 1) yield `operation ${id} was announced as ended ${times} times`;
  }
}

function* queueFaults({ queue }: World): Generator<string> {
  if (queue.leases.length > 0) yield `keys stay leased: ${queue.leases.join(' ')}`;
  if (queue.lapse.length > 0) yield `leases that may lapse: ${queue.lapse.join(' ')}`;
  if (queue.unclean.length > 0) yield `keys stay unclean: ${queue.unclean.join(' ')}`;
  if (queue.overdue.length > 0) yield `keys are due and nobody works on them: ${queue.overdue.join(' ')}`;
}

/** Operations and the tombstone outlive a container; nothing else that has its name. */
const OUTLIVING = /^(operations-by-|tombstone\/)/;

function* deletionFaults(world: World, expected: Expected): Generator<string> {
  const left = world.container.keys.filter((key) => !OUTLIVING.test(key));
  if (left.length > 0) yield `a deleted container left keys: ${left.join(' ')}`;
  if (!world.container.keys.includes(`tombstone/${expected.containerId}`))
    yield 'a deleted container left no tombstone';
  if (world.container.route !== null) yield 'a deleted container has a route';
  if (world.api.container !== null) yield 'the API shows a deleted container';
}

/** Records that no accepted request accounts for: the half of a request that was lost, or one that took effect twice. */
function* strays({ recorded, revisions }: World, expected: Expected): Generator<string> {
  const { containerId, submitted, deleted } = expected;
  const containers = recorded.containers.filter((id) => deleted || id !== containerId);
  if (containers.length > 0) yield `containers that nobody created: ${containers.join(' ')}`;
  const unknown = recorded.revisions.filter((id) => !revisions.has(id));
  if (unknown.length > 0) yield `revisions that belong to no container: ${unknown.join(' ')}`;
  const operations = recorded.operations.filter((id) => !submitted.has(id));
  if (operations.length > 0) yield `operations that nobody submitted: ${operations.join(' ')}`;
}

function* containerFaults(world: World, expected: Expected): Generator<string> {
  const { fields, state, journal, route } = world.container;
  if (fields === null || state === null) return yield 'the container is gone from Redis';
  if (fields['status'] !== 'ACTIVE') yield `the container is ${fields['status']}`;
  if (fields['running'] !== '') yield `operation ${fields['running']} still counts as running`;
  if (journal.length > 0) yield `the journal still holds ${journal.join(' ')}`;
  if (state.rollout !== null) yield 'a rollout is still recorded';
  if (state.message !== '') yield `the container is not healthy: ${state.message}`;
  const { activeRevisionId, answers, stopped } = expected;
  if (state.activeRevisionId !== activeRevisionId)
    yield `active is ${state.activeRevisionId}, expected ${activeRevisionId}`;
  if ((world.api.container?.active_revision_id || null) !== activeRevisionId) {
    yield `the API says that ${world.api.container?.active_revision_id} is active, expected ${activeRevisionId}`;
  }
  yield* revisionFaults(world, activeRevisionId);
  const { description = '' } = fields;
  if (description !== expected.description) yield `it is described as ${description}, expected ${expected.description}`;
  yield* difference('bindings', 'there are', world.api.bindings, 'expected', expected.bindings);
  if (world.api.container?.stopped !== stopped) yield `the API says ${world.api.container?.stopped} to stopped`;
  if (stopped) {
    if (world.answer?.status !== 503) yield `it is stopped, and the url answers ${world.answer?.status}`;
    if (route?.state !== 'STOPPED' || route.targets.length > 0)
      yield `it is stopped, and the route is ${JSON.stringify(route)}`;
    return;
  }
  if (answers === null) {
    if (world.answer?.status !== 404) yield `nothing serves HTTP, and the url answers ${world.answer?.status}`;
    if (route !== null && route.targets.length > 0)
      yield `nothing serves HTTP, and the route is ${JSON.stringify(route)}`;
    return;
  }
  if (world.answer?.status !== 200 || world.answer.body.trim() !== answers) {
    yield `the url answers ${world.answer?.status} ${world.answer?.body.slice(0, 200)}, expected ${answers}`;
  }
  const serving = state.instances.filter(({ role }) => role === 'SERVING').map(({ id }) => id);
  const targets = route?.targets.map(({ instanceId }) => instanceId) ?? [];
  if (route?.state !== 'SERVING' || route.revisionId !== activeRevisionId || targets.join() !== serving.join()) {
    yield `the route is ${JSON.stringify(route)}, serving are ${serving.join()}`;
  }
}

function* revisionFaults(world: World, active: string | null): Generator<string> {
  const inRedis = [...world.revisions].map(([id, fields]) => ({ id, status: fields['status'] ?? 'gone' }));
  for (const [who, revisions] of [
    ['Redis', inRedis],
    ['the API', world.api.revisions],
  ] as const) {
    const ids = revisions.filter(({ status }) => status === 'ACTIVE').map(({ id }) => id);
    if (ids.join() !== (active ?? '')) yield `ACTIVE in ${who}: ${ids.join() || 'none'}, expected ${active}`;
    const odd = revisions.filter(({ status }) => status !== 'ACTIVE' && status !== 'OBSOLETE');
    for (const { id, status } of odd) yield `revision ${id} is ${status} in ${who}`;
  }
}

function* instanceFaults(world: World, expected: Expected): Generator<string> {
  const instances = world.container.state?.instances ?? [];
  const ours = world.docker.filter(({ container }) => container === expected.containerId);
  for (const { name, instance, status } of ours) {
    if (!instances.some(({ id }) => id === instance)) yield `${name} (${status}) is on the engine and has no record`;
  }
  for (const instance of instances) yield* recordFaults(instance, ours);
  const running = ours.filter((one) => one.running);
  const { activeRevisionId: active, stopped, deleted } = expected;
  const wanted = active === null || stopped || deleted ? [] : [active];
  if (running.map(({ revision }) => revision).join() !== wanted.join()) {
    yield `running are ${running.map(({ name, revision }) => `${name} of ${revision}`).join() || 'none'}, expected ${wanted.join() || 'none'}`;
  }
  if (expected.dockerId !== null && running[0]?.id !== expected.dockerId)
    yield 'it runs in another container than before';
  if (expected.leftHost !== null && running[0]?.host === expected.leftHost)
    yield `it still runs on ${expected.leftHost}`;
  const retained = instances.filter(({ role }) => role === 'RETAINED').length;
  if (retained > RETAINED_LIMIT) yield `${retained} instances are retained`;
}

function* recordFaults({ id, role, host, leased }: InstanceState, ours: readonly DockerContainer[]): Generator<string> {
  const found = ours.filter(({ instance }) => instance === id);
  if (role !== 'SERVING' && role !== 'RETAINED') yield `instance ${id} is still ${role}`;
  if (found.length !== 1) yield `instance ${id} (${role}) has ${found.length} containers on the engine`;
  for (const { name, running, host: at } of found) {
    if (at !== host) yield `${name} is on ${at} and recorded on ${host}`;
    if (running !== (role === 'SERVING')) yield `${name} of a ${role} instance ${running ? 'runs' : 'does not run'}`;
  }
  if (leased !== (role === 'SERVING')) yield `instance ${id} is ${role} and ${leased ? 'holds' : 'holds no'} devices`;
}

/** The tables of all containers against what runs on the engine: exactly that, neither more nor less. */
function* deviceFaults({ docker, devices }: World): Generator<string> {
  const running = docker.filter((one) => one.running);
  const held = (of: (one: DockerContainer) => readonly (string | number)[]) =>
    running.flatMap((one) => of(one).map((device) => `${one.host}/${device} by ${one.instance}`)).sort();
  const leased = (table: Readonly<Record<string, string>>) =>
    Object.entries(table)
      .map(([name, instance]) => `${name} by ${instance}`)
      .sort();
  const uses = (what: string, one: readonly string[], other: readonly string[]) =>
    difference(what, 'leased', one, 'in use', other);
  yield* uses(
    'GPUs',
    leased(devices.gpus),
    held(({ gpus }) => gpus),
  );
  yield* uses(
    'ports',
    leased(devices.ports),
    held(({ ports }) => ports),
  );
  yield* uses('leases', Object.keys(devices.byInstance).sort(), running.map(({ instance }) => instance).sort());
  for (const { name, gpus, gpusSeen } of running)
    yield* uses(`GPUs in ${name}`, [...gpus].sort(), [...gpusSeen].sort());
}

function* difference(
  what: string,
  here: string,
  one: readonly string[],
  there: string,
  other: readonly string[],
): Generator<string> {
  if (one.join() !== other.join()) yield `${what}: ${here} ${one.join() || 'none'}; ${there} ${other.join() || 'none'}`;
}
