import type { HostRecord } from '../../../src/domain/host.js';
import type { InstanceRecord, InstanceRole } from '../../../src/domain/instance.js';
import { EngineError } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { createFleet } from '../../../src/fleet/fleet.js';
import { createObservations } from '../../../src/fleet/observations.js';
import type { Lease, Looked, PulledImage, RedisMemory } from '../../../src/store/work.js';
import { createHostCycle } from '../../../src/worker/host-cycle.js';
import { newId, newInstance } from '../../support/contract/engine-contract.js';
import { aRetained, aServing, aView, POLICY } from '../../support/reconciler/builders.js';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const config = {
  ...{ name: 'h1', endpoint: 'unix:///run/engine.sock', address: '127.0.0.1', tls: null, labels: {} },
  ...{ gpus: [], ports: { first: 30_000, last: 30_010 } },
};

/** One engine with one running container of ours; what Redis says of that may be changed, and time passes as it is told to. */
async function setUp() {
  const plane = newId('controlPlane');
  const host = createMemoryHost({ host: 'h1', timeoutMs: 1 });
  const instance = newInstance(plane, host.addImage('app:1').id);
  const driver = host.driver(plane);
  await driver.ensureNetwork();
  await driver.create(instance);
  await driver.start(instance.name);
  const fleet = createFleet({
    hosts: [config],
    controlPlaneId: plane,
    driver: () => driver,
    localGpus: () => Promise.resolve([]),
    now: () => 0,
  });
  const { containerId, instanceId, generation } = instance.identity;
  const redis = {
    now: 1_000_000,
    host: null as HostRecord | null,
    looked: 'UNKNOWN' as Looked,
    memory: { replicationId: 'r', gaps: [] } as RedisMemory,
    pulled: [] as readonly PulledImage[],
    images: [] as object[],
    /** The mark with which the container was last asked for. */
    known: null as string | null,
  };
  const due: string[] = [];
  const cycle = createHostCycle({
    fleet,
    controlPlaneId: plane,
    probe: () => Promise.resolve(null),
    observations: createObservations(fleet),
    hostWork: {
      loadHost: () => Promise.resolve({ now: redis.now, host: redis.host, memory: redis.memory }),
      saveHost: async (_lease, record) => {
        redis.host = record;
      },
      removeHost: () => Promise.resolve(),
      pulledImages: () => Promise.resolve(redis.pulled),
      noteImage: () => Promise.resolve(),
      saveImages: async (_lease, { used, gone }) => void redis.images.push({ used, gone }),
      hosts: () => Promise.resolve([]),
      containersOn: () => Promise.resolve([containerId]),
      look: (_ids, marks) => {
        const { looked } = redis;
        redis.known = marks?.get(containerId) ?? null;
        const same = typeof looked === 'object' && looked.mark !== undefined && looked.mark === redis.known;
        return Promise.resolve(new Map([[containerId, same ? ('SAME' as const) : looked]]));
      },
      remembered: () => Promise.resolve(null),
      rebuild: () => Promise.resolve({ kind: 'CHANGED' }),
    },
    records: { container: () => Promise.resolve(null) },
    queue: { enqueue: async (key) => void due.push(key) },
    log,
    policy: POLICY,
    observeIntervalMs: 30_000,
    hostPolicy: { missedLooks: 2, lostAfterMs: 20_000 },
    quarantineMs: 50_000,
    imagePolicy: { limitBytes: 0, unusedForMs: 1_000 },
    clock: () => redis.now,
  });
  const lease: Lease = { key: 'host/h1', fence: 1_000_000, token: 't', unclean: false, trouble: null };
  const hints = { sleep: () => Promise.resolve(), heard: () => false, draining: () => false };
  const lookAfter = async (ms: number) => {
    redis.now += ms;
    return cycle({ lease, signal: new AbortController().signal }, hints);
  };
  /** The container's record says this of its instance. */
  const recorded = (role: InstanceRole, more: Partial<InstanceRecord> = {}, others: readonly InstanceRecord[] = []) => {
    const own = aServing(instanceId, { role, host: 'h1', ...more });
    const unrouted = own.port === null && { routed: [] };
    const view = aView({ state: { generation, instances: [own, ...others], ...unrouted } });
    const { status, state, ...rest } = view;
    const plain = { folderId: 'f', createdAt: 0, name: '', description: '', labels: {}, version: 1 };
    redis.looked = { ...rest, record: { id: containerId, status, state, ...plain }, mark: JSON.stringify(state) };
  };
  return { host, driver, instance, redis, due, lookAfter, recorded };
}

test('a host is up when all of ours on it has been compared, and is looked at from time to time', async () => {
  const { redis, lookAfter, recorded } = await setUp();
  recorded('SERVING');
  expect(await lookAfter(0)).toEqual({ delayMs: 30_000, clean: true });
  expect(redis.host).toMatchObject({ name: 'h1', state: 'UP', since: redis.now, observedAt: redis.now, message: '' });
});

test('one whose containers cannot be listed is not up', async () => {
  const { host, redis, lookAfter } = await setUp();
  host.failNext('list', new EngineError('TRANSIENT', 'h1', '500'));
  await lookAfter(0);
  expect(redis.host).toMatchObject({ state: 'UNKNOWN', missedLooks: 1, message: '500', observedAt: 0 });
});

test('a silent one becomes unreachable, then lost, which its containers are told, and is looked at ever less often', async () => {
  const { host, instance, redis, due, lookAfter, recorded } = await setUp();
  recorded('SERVING');
  await lookAfter(0);
  due.length = 0;
  host.suspend();
  const seen: [string | undefined, number | null][] = [];
  for (let count = 0; count < 7; count += 1) {
    const { delayMs } = await lookAfter(5_000);
    seen.push([redis.host?.state, delayMs]);
  }
  expect(seen.map(([state]) => state)).toEqual(['UP', ...Array<string>(3).fill('UNREACHABLE'), 'LOST', 'LOST', 'LOST']);
  expect(seen.map(([, delayMs]) => delayMs)).toEqual([1_000, 2_000, 4_000, 8_000, 20_000, 20_000, 20_000]);
  expect(redis.host).toMatchObject({ missedLooks: 7, silentSince: 1_005_000, observedAt: 1_000_000 });
  expect(due).toEqual([`container/${instance.identity.containerId}`]);
});

test('one that returns is used only when nothing runs there that should not', async () => {
  const { driver, instance, redis, lookAfter, recorded } = await setUp();
  recorded('DISCARDED');
  await lookAfter(0);
  if (redis.host === null) throw new Error('it has a record');
  redis.host = { ...redis.host, state: 'LOST', missedLooks: 9, silentSince: 1 };
  expect((await lookAfter(10)).delayMs).toBe(1_000);
  expect(redis.host).toMatchObject({ state: 'RETURNING', missedLooks: 0, silentSince: null });
  expect(redis.host?.message).toContain(instance.name);
  await driver.stop(instance.name, 1);
  expect((await lookAfter(10)).delayMs).toBe(30_000);
  expect(redis.host).toMatchObject({ state: 'UP', message: '' });
});

test('an orphan is left running, with its GPUs taken, and is removed when its quarantine is over', async () => {
  const { host, instance, redis, lookAfter } = await setUp();
  await lookAfter(0);
  expect(redis.host?.orphans).toMatchObject([{ name: instance.name, watchedMs: 0, kept: '' }]);
  expect(redis.host?.foreignGpus).toEqual(instance.gpuUuids);
  await lookAfter(49_999);
  expect(host.engine.containers.get(instance.name)).toMatchObject({ state: 'RUNNING' });
  await lookAfter(1);
  expect(host.engine.containers.has(instance.name)).toBe(false);
  await lookAfter(1);
  expect(redis.host).toMatchObject({ orphans: [], foreignGpus: [] });
});

test('one that Redis may have lost is never removed, and one that cannot be removed says nothing of its host', async () => {
  const { host, instance, redis, lookAfter } = await setUp();
  redis.memory = { replicationId: 'r', gaps: [[0, 1_000]] };
  await lookAfter(0);
  await lookAfter(50_000);
  await lookAfter(50_000);
  expect(redis.host?.orphans).toMatchObject([{ kept: expect.stringContaining('Redis may have lost') }]);
  expect(host.engine.containers.get(instance.name)).toMatchObject({ state: 'RUNNING' });
  redis.looked = 'DELETED';
  host.failNext('remove', new EngineError('TRANSIENT', 'h1', 'driver failed'));
  await lookAfter(1);
  expect(redis.host).toMatchObject({ state: 'UP', orphans: [] });
  await lookAfter(1);
  expect(host.engine.containers.has(instance.name)).toBe(false);
});

test('images that we pulled are removed when they take too much, after the first look', async () => {
  const { host, redis, lookAfter, recorded } = await setUp();
  recorded('SERVING');
  const ours = host.addImage('reg/ours:1', { pullReference: `reg/ours@sha256:${'1'.repeat(64)}` });
  host.addImage('reg/theirs:1', { pullReference: `reg/theirs@sha256:${'2'.repeat(64)}` });
  redis.pulled = [{ imageId: ours.id, references: ['docker.io/reg/ours:1'], usedAt: 0 }];
  await lookAfter(0);
  await lookAfter(999);
  expect(redis.images).toEqual([]);
  await lookAfter(1);
  expect(redis.images).toEqual([{ used: [], gone: [] }]);
  expect([...host.engine.images.keys()]).toEqual(['app:1', 'reg/theirs:1']);
  await lookAfter(1_000);
  expect(redis.images.at(-1)).toEqual({ used: [], gone: [ours.id] });
});

describe('a container that had nothing to do', () => {
  const AS_IT_RUNS = { engineStartedAt: null, port: null };

  /** The first look has found it at rest. */
  async function atRest() {
    const all = await setUp();
    const { instance, due, redis, lookAfter, recorded } = all;
    recorded('SERVING', AS_IT_RUNS);
    await lookAfter(0);
    expect([due, redis.known]).toEqual([[], null]);
    const key = `container/${instance.identity.containerId}`;
    const known = typeof redis.looked === 'object' ? redis.looked.mark : undefined;
    return { ...all, key, known };
  }

  test('is not read again while its host shows the same and its records are the same', async () => {
    const { redis, due, known, lookAfter } = await atRest();
    for (const ms of [30_000, 30_000]) {
      await lookAfter(ms);
      expect([redis.known, due]).toEqual([known, []]);
    }
    expect(redis.host).toMatchObject({ state: 'UP', orphans: [], foreignGpus: [], observedAt: redis.now });
  });

  test('is read and judged when its host shows something else', async () => {
    const { host, instance, redis, due, key, lookAfter } = await atRest();
    host.engine.exit(instance.name, 1);
    await lookAfter(30_000);
    expect([redis.known, due]).toEqual([null, [key]]);
    await lookAfter(30_000);
    expect([redis.known, due]).toEqual([null, [key, key]]);
  });

  test('is judged when its records are others, whatever its host shows', async () => {
    const { redis, due, key, known, lookAfter, recorded } = await atRest();
    recorded('DISCARDED');
    await lookAfter(30_000);
    expect([redis.known, due]).toEqual([known, [key]]);
    await lookAfter(30_000);
    expect([redis.known, due]).toEqual([null, [key, key]]);
  });

  test('is judged anew now and then, though all is the same', async () => {
    const { redis, known, lookAfter } = await atRest();
    await lookAfter(599_999);
    expect(redis.known).toBe(known);
    await lookAfter(1);
    expect(redis.known).toBeNull();
    await lookAfter(1);
    expect(redis.known).toBe(known);
  });

  test('is not known as such any more when it is one that Redis has forgotten', async () => {
    const { instance, redis, lookAfter } = await atRest();
    redis.looked = 'UNKNOWN';
    await lookAfter(30_000);
    expect(redis.host?.orphans).toMatchObject([{ name: instance.name }]);
    await lookAfter(30_000);
    expect([redis.known, redis.host?.orphans]).toEqual([null, [expect.objectContaining({ name: instance.name })]]);
  });

  test('is read each time while there is something on its host that nobody wants', async () => {
    const { host, instance, redis, lookAfter, due } = await atRest();
    const identity = { ...instance.identity, instanceId: newId('instance') };
    const stray = newInstance(identity.controlPlaneId, host.addImage('app:1').id, { identity });
    host.engine.create(stray);
    host.engine.start(stray.name);
    for (const ms of [30_000, 30_000]) {
      await lookAfter(ms);
      expect([redis.known, due, redis.host?.orphans]).toEqual([
        null,
        [],
        [expect.objectContaining({ name: stray.name })],
      ]);
    }
  });

  test('is read each time while another host, with an instance of it, does not answer', async () => {
    const { redis, due, key, lookAfter, recorded } = await atRest();
    recorded('SERVING', AS_IT_RUNS, [aRetained('i2', { host: 'h2' })]);
    await lookAfter(30_000);
    due.length = 0;
    await lookAfter(30_000);
    expect([redis.known, due]).toEqual([null, [key]]);
  });
});
