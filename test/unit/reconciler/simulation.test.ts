import fc from 'fast-check';
import { isRevert } from '../../../src/domain/operation.js';
import { takeStep } from '../../support/reconciler/apply.js';
import { POLICY } from '../../support/reconciler/builders.js';
import { type Behaviour, type Mishap, portOf, type SimContainer, World } from '../../support/reconciler/world.js';

const RUNS = process.env.LONGSHORE_TEST_FULL === '1' ? 4_000 : 150;
/** More steps than any of these histories needs to come to rest, by a factor of three or so. */
const STEP_LIMIT = 1_500;

const behaviour = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Behaviour>('WELL') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Behaviour>('EXITS', 'ILL', 'NO_IMAGE', 'NO_CREATE', 'FULL_DISK', 'NO_START'),
  },
);
const order = fc.constantFrom('AUTO', 'START_FIRST', 'STOP_FIRST');
const pick = fc.nat(7);

const event = fc.oneof(
  fc.record({ kind: fc.constant('DEPLOY'), pick, behaviour, order, gpus: fc.nat(2) }),
  fc.record({ kind: fc.constant('DEPLOY'), pick, behaviour, order, gpus: fc.nat(2) }),
  fc.record({
    kind: fc.constantFrom(
      'ROLLBACK',
      'STOP',
      'START',
      'CANCEL',
      'EXIT',
      'SICKEN',
      'REMOVE_BY_HAND',
      'LATE_CALL',
      'CRASH',
      'GIVE_BACK',
      'APPLY',
    ),
    pick,
  }),
  fc.record({ kind: fc.constantFrom('DELETE', 'HOST_DOWN', 'HOST_UP', 'REBOOT', 'TIME'), pick }),
  fc.record({ kind: fc.constantFrom('PORT_TAKEN', 'KILLED_START'), pick }),
);
type Event = {
  kind: string;
  pick: number;
  behaviour?: Behaviour;
  order?: 'AUTO' | 'START_FIRST' | 'STOP_FIRST';
  gpus?: number;
};

const mishap = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Mishap>(null) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Mishap>('TRANSIENT', 'UNREACHABLE', 'CRASH_BEFORE', 'CRASH_AFTER', 'HANG', 'PERMANENT'),
  },
);

/** Of revisions that are deployed, proven and die. */
const mortalEvent = fc.oneof(
  fc.record({ kind: fc.constant('DEPLOY'), pick, behaviour: fc.constant<Behaviour>('WELL'), order, gpus: fc.nat(1) }),
  fc.record({ kind: fc.constantFrom('EXIT', 'EXIT', 'SICKEN', 'REMOVE_BY_HAND', 'REST', 'APPLY', 'CRASH'), pick }),
  fc.record({ kind: fc.constantFrom('ROLLBACK', 'STOP', 'START', 'CANCEL', 'TIME', 'REBOOT'), pick }),
);

const historyOf = (some: fc.Arbitrary<Event>) =>
  fc.record({
    events: fc.array(fc.record({ event: some, steps: fc.nat(12) }), { maxLength: 25, size: 'max' }),
    mishaps: fc.array(mishap, { maxLength: 120, size: 'max' }),
    keepDrainingMs: fc.constantFrom(0, 45_000),
    moveFromLost: fc.boolean(),
    watchWindowMs: fc.constantFrom(0, 60_000, 600_000),
  });
type History = typeof historyOf extends (some: never) => fc.Arbitrary<infer H> ? H : never;

/** One that leads to a revert: of two deploys the second dies each time it runs, before it is proven. */
const DEADLY: History = {
  events: [
    { event: { kind: 'DEPLOY', pick: 0 }, steps: 0 },
    { event: { kind: 'REST', pick: 0 }, steps: 0 },
    { event: { kind: 'DEPLOY', pick: 0 }, steps: 12 },
    ...Array.from({ length: 8 }, () => ({ event: { kind: 'EXIT', pick: 1 }, steps: 12 })),
  ],
  mishaps: [],
  keepDrainingMs: 0,
  moveFromLost: false,
  watchWindowMs: 600_000,
};
describe('any history of requests, engine faults, crashes and late calls', () => {
  it('never shares a device, ends every operation once, and comes to rest with what was asked for', () => {
    fc.assert(
      fc.property(historyOf(event), (history) => void unfold(history)),
      { numRuns: RUNS },
    );
  });

  it('does so where deployed revisions die, and leaves each of them once at most', () => {
    let reverts = 0;
    fc.assert(
      fc.property(historyOf(mortalEvent), (history) => {
        for (const { operations } of unfold(history).containers.values()) reverts += operations.filter(isRevert).length;
      }),
      { numRuns: RUNS, examples: [[DEADLY]] },
    );
    expect(reverts).toBeGreaterThan(0);
  });
});

/** Plays it, lets everything come to rest, and looks at what there is. */
function unfold({ events, mishaps, keepDrainingMs, moveFromLost, watchWindowMs }: History): World {
  const world = new World([...mishaps], keepDrainingMs, moveFromLost);
  world.watchWindowMs = watchWindowMs;
  for (const { event, steps } of events) {
    happen(world, event);
    for (let count = 0; count < steps; count += 1) {
      for (const container of live(world)) takeStep(world, container);
    }
  }
  world.calm();
  settle(world);
  // What was wanted when its program was ended may have been left since, before a start could show that it had ended.
  world.endUnseen();
  world.sweep();
  for (const container of live(world).filter(({ status }) => status === 'DELETING')) {
    world.submit(container, 'DELETE');
  }
  settle(world);
  for (const container of world.containers.values()) {
    expectAtRest(world, container);
    expectRevertsWithReason(world, container);
  }
  expectNothingLeaked(world);
  return world;
}

const live = (world: World): SimContainer[] => [...world.containers.values()].filter(({ status }) => status !== 'GONE');

function chosen<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % list.length];
}

function happen(world: World, event: Event): void {
  const container = chosen(live(world), event.pick);
  const docker = chosen(world.docker, event.pick);
  const host = chosen(['h1', 'h2'], event.pick) ?? '';
  switch (event.kind) {
    case 'DEPLOY':
      if (container) world.deploy(container, event.behaviour ?? 'WELL', event.order ?? 'AUTO', event.gpus ?? 0);
      return;
    case 'ROLLBACK': {
      const old = container && [...container.revisions.values()].filter(({ status }) => status !== 'CREATING');
      const revision = old && chosen(old, event.pick);
      if (container && revision) world.submit(container, 'ROLLBACK', { revisionId: revision.id });
      return;
    }
    case 'STOP':
    case 'START':
    case 'DELETE':
      if (container) world.submit(container, event.kind);
      return;
    case 'CANCEL':
      if (container) world.cancel(container);
      return;
    case 'EXIT':
      if (docker) world.exit(docker, 137);
      return;
    case 'SICKEN':
      if (docker) world.sick.add(docker.identity.instanceId);
      return;
    case 'REMOVE_BY_HAND':
      if (docker) world.unseen.delete(docker.dockerId);
      if (docker) world.remove(docker.name);
      return;
    case 'PORT_TAKEN':
      return takePort(world, event.pick);
    case 'KILLED_START':
      world.killedStarts.push(event.pick % 2 === 0 ? 'BEFORE' : 'AFTER');
      return;
    case 'LATE_CALL':
      world.late.shift()?.();
      return;
    case 'CRASH':
    case 'GIVE_BACK':
      if (container) world.takeOver(container, event.kind === 'GIVE_BACK');
      return;
    case 'APPLY':
      world.applied = Math.max(0, ...[...world.containers.values()].map(({ route }) => route?.version ?? 0));
      return;
    case 'REST':
      world.sick.clear();
      return settle(world);
    case 'HOST_DOWN':
      world.down.add(host);
      return;
    case 'HOST_UP':
      world.down.delete(host);
      return;
    case 'REBOOT':
      world.reboot(host);
      return;
    default:
      world.now += event.pick * 10_000;
  }
}

/** Something else takes the port of an instance that does not run now; never so many that none is left. */
function takePort(world: World, pick: number): void {
  const [longAgo] = world.foreignPorts.size < 3 ? [] : world.foreignPorts;
  if (longAgo) world.foreignPorts.delete(longAgo);
  const running = new Set(world.docker.filter(({ state }) => state === 'RUNNING').map(portOf));
  const idle = [...world.portLeases.keys()].filter((port) => !running.has(port));
  const port = chosen(idle, pick);
  if (port) world.foreignPorts.add(port);
}

/** Lets time pass until nobody has anything left to do. */
function settle(world: World): void {
  for (let count = 0; count < STEP_LIMIT; count += 1) {
    const steps = live(world).map((container) => takeStep(world, container));
    if (steps.some((step) => step.kind !== 'WAIT')) continue;
    const next = steps.flatMap((step) => (step.kind === 'WAIT' && step.until !== null ? [step.until] : []));
    happen(world, { kind: 'APPLY', pick: 0 });
    if (next.length === 0) return;
    world.now = Math.max(world.now, Math.min(...next));
  }
  throw new Error(`not at rest: ${JSON.stringify(live(world).map(({ state }) => state))}`);
}

function expectAtRest(world: World, container: SimContainer): void {
  const { state, operations, revisions } = container;
  expect(operations.filter((operation) => operation.state !== 'DONE')).toEqual([]);
  if (container.status === 'GONE') return expect(state.instances).toEqual([]);
  expect(container.status).toBe('ACTIVE');
  const active = [...revisions.values()].filter(({ status }) => status === 'ACTIVE').map(({ id }) => id);
  expect(active).toEqual(state.activeRevisionId === null ? [] : [state.activeRevisionId]);
  expect(state.rollout).toBeNull();

  const serving = state.instances.filter(({ role }) => role === 'SERVING');
  const retained = state.instances.filter(({ role }) => role === 'RETAINED');
  const stopped = state.stopped !== undefined;
  expect(stopped).toBe(wasStopped(container));
  expect(serving.map(({ revisionId }) => revisionId)).toEqual(stopped ? [] : active);
  expect(retained.length).toBeLessThanOrEqual(POLICY.retainedInstances + Number(stopped) + (state.spared?.length ?? 0));
  expect(serving.length + retained.length).toBe(state.instances.length);
  expect(serving.filter(({ leased, healthyAt }) => !leased || healthyAt === null)).toEqual([]);
  expect(retained.filter(({ leased }) => leased)).toEqual([]);
  const targets = container.route?.targets.map(({ instanceId, port }) => [instanceId, port]) ?? [];
  expect(targets).toEqual(serving.map(({ id, port }) => [id, port]));

  const mine = world.docker.filter(({ identity }) => identity.containerId === container.id);
  expect(idsOf(mine)).toEqual(state.instances.map(({ id }) => id).sort());
  const running = mine.filter((docker) => docker.state === 'RUNNING');
  expect(running.map(({ identity, port }) => [identity.instanceId, port])).toEqual(targets);
}

/** By what its operations came to, in the order in which they ran. A Stop that failed other than by being cancelled had begun. */
function wasStopped({ operations }: SimContainer): boolean {
  let active: string | null = null;
  let stopped = false;
  for (const { kind, revisionId, result } of operations) {
    const ok = result?.kind !== 'ERROR';
    if (kind === 'STOP') stopped ||= active !== null && (ok || result.failure.code !== 'CANCELLED');
    if (kind === 'START' && ok) stopped = false;
    if ((kind !== 'DEPLOY' && kind !== 'ROLLBACK') || !ok) continue;
    stopped &&= revisionId === active;
    active = revisionId;
  }
  return stopped;
}

/** At most once from each revision that was deployed, never back to itself; and what serves at rest has proved itself. */
function expectRevertsWithReason({ watchWindowMs }: World, { operations, state, status }: SimContainer): void {
  const reverts = operations.filter(isRevert);
  const left = reverts.map(({ description }) => /^from (\S+):/.exec(description ?? '')?.[1]);
  expect(new Set(left).size).toBe(reverts.length);
  expect(reverts.filter(({ revisionId }, index) => revisionId === left[index])).toEqual([]);
  if (watchWindowMs === 0) expect(reverts).toEqual([]);
  const deployed = operations.filter(({ kind, result }) => kind === 'DEPLOY' && result?.kind === 'EMPTY');
  const unknown = left.filter((id) => !deployed.some(({ revisionId }) => revisionId === id));
  expect(unknown).toEqual([]);
  if (status === 'GONE') return;
  // What was stopped before it had proved itself has yet to.
  if (!state.stopped) expect(state).toMatchObject({ watch: null, stableRevisionId: state.activeRevisionId });
}

const idsOf = (docker: World['docker']): string[] => docker.map(({ identity }) => identity.instanceId).sort();

function expectNothingLeaked(world: World): void {
  const instances = live(world).flatMap(({ state }) => state.instances.filter(({ leased }) => leased));
  const gpus = instances.flatMap(({ id, gpuUuids }) => gpuUuids.map((uuid) => [uuid, id]));
  expect([...world.gpuLeases].sort()).toEqual(gpus.sort());
  expect([...world.portLeases].sort()).toEqual(instances.map((instance) => [portOf(instance), instance.id]).sort());
  const known = new Set(live(world).flatMap(({ state }) => state.instances.map(({ id }) => id)));
  expect(idsOf(world.docker.filter(({ identity }) => !known.has(identity.instanceId)))).toEqual([]);
}
