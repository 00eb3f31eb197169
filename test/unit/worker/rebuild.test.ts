import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import { memoOf } from '../../../src/domain/memo.js';
import { EngineError, type InstanceSpec } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { createFleet } from '../../../src/fleet/fleet.js';
import { createObservations } from '../../../src/fleet/observations.js';
import { encodeDocument } from '../../../src/store/codec.js';
import type { Lease, Looked, Rebuild, RebuildOutcome } from '../../../src/store/work.js';
import { rebuild } from '../../../src/worker/rebuild.js';
import { newId, newInstance } from '../../support/contract/engine-contract.js';
import { aRevision } from '../../support/reconciler/builders.js';

const lease: Lease = { key: 'host/h1', fence: 500, token: 't', unclean: false, trouble: null };
const container = {
  ...{ id: 'c', folderId: 'f', createdAt: 3, name: 'web', description: '', labels: {} },
  ...{ status: 'ACTIVE' as const, version: 1, state: EMPTY_STATE },
};

/** Two hosts, and a Redis that has forgotten fences up to 100. */
function setUp() {
  const plane = newId('controlPlane');
  let now = Date.parse('2026-01-01T00:00:00Z');
  const host = (name: string) => createMemoryHost({ host: name, timeoutMs: 1, now: () => (now += 1_000) });
  const hosts = new Map(['h1', 'h2'].map((name) => [name, host(name)]));
  const on = (name: string) => {
    const found = hosts.get(name);
    if (!found) throw new Error(`no host ${name}`);
    return found;
  };
  const fleet = createFleet({
    hosts: [...hosts.keys()].map((name) => ({
      ...{ name, endpoint: 'unix:///run/engine.sock', address: '127.0.0.1', tls: null, labels: {}, gpus: [] },
      ports: { first: 1, last: 9 },
    })),
    controlPlaneId: plane,
    driver: ({ name }) => on(name).driver(plane),
    localGpus: () => Promise.resolve([]),
    now: () => 0,
  });
  const redis = {
    stored: [] as Rebuild[],
    answer: { kind: 'REBUILT' } as RebuildOutcome,
    known: null as { record: typeof container; state: string } | null,
  };
  const ill = new Set<number>();
  const make = async (name: string, more: { revision?: string; generation?: number; port?: number; memo?: string }) => {
    const { revision: id = 'r1', generation = 1, port = null, memo } = more;
    const imageId = on(name).addImage('app:1').id;
    const plain = newInstance(plane, imageId, { port, spec: { runtime: 'HTTP' } });
    const image = { digest: imageId, id: imageId, pullReference: null };
    const revision = { ...aRevision(id), image, spec: plain.spec };
    const text = encodeDocument(memoOf(container, revision, plain.address) ?? {});
    const identity = { ...plain.identity, containerId: 'c', revisionId: id, generation };
    const instance: InstanceSpec = { ...plain, identity, memo: memo ?? text };
    const driver = on(name).driver(plane);
    await driver.ensureNetwork();
    await driver.create(instance);
    await driver.start(instance.name);
    return instance;
  };
  const ask = async (looked: Looked = 'UNKNOWN', gaps: readonly (readonly [number, number])[] = [[0, 100]]) => {
    const here = await on('h1').driver(plane).list({});
    const deps = {
      fleet,
      observations: createObservations(fleet),
      hostWork: {
        remembered: () => Promise.resolve(redis.known),
        rebuild: async (_lease: Lease, rebuilt: Rebuild) => {
          redis.stored.push(rebuilt);
          return redis.answer;
        },
      },
      probe: ({ port }: { readonly port: number }) => Promise.resolve(ill.has(port) ? 'it is ill' : null),
      log: { info: () => {}, warn: () => {}, error: () => {} },
      observeIntervalMs: 1_000,
    };
    const look = {
      host: 'h1',
      lease,
      memory: { replicationId: 'r', gaps },
      now: 9,
      signal: new AbortController().signal,
    };
    return rebuild(deps, look, 'c', here, looked);
  };
  const roles = () => redis.stored[0]?.state.instances.map(({ id, role }) => [id, role]);
  return { on, plane, redis, ill, make, ask, roles };
}

test('what Redis may have forgotten is rebuilt; what it has let go of is not', async () => {
  const { redis, make, ask, roles } = setUp();
  const { identity } = await make('h1', { port: 5 });
  expect(await ask('UNKNOWN', [])).toBe('UNNEEDED');
  expect(await ask('DELETED')).toBe('UNNEEDED');
  expect(await ask('BUSY')).toBe('UNNEEDED');
  expect(redis.stored).toEqual([]);
  expect(await ask()).toBe('REBUILT');
  expect(roles()).toEqual([[identity.instanceId, 'SERVING']]);
});

test('of a rollout that was under way the later one serves if it is healthy', async () => {
  const { make, ask, roles } = setUp();
  const former = await make('h1', { port: 5 });
  const candidate = await make('h1', { revision: 'r2', generation: 2, port: 6 });
  expect(await ask()).toBe('REBUILT');
  expect(roles()).toEqual([
    [candidate.identity.instanceId, 'SERVING'],
    [former.identity.instanceId, 'DRAINING'],
  ]);
});

test('and the former one if it is not', async () => {
  const { ill, make, ask, roles } = setUp();
  const former = await make('h1', { port: 5 });
  const candidate = await make('h1', { revision: 'r2', generation: 2, port: 6 });
  ill.add(6);
  expect(await ask()).toBe('REBUILT');
  expect(roles()).toEqual([
    [former.identity.instanceId, 'SERVING'],
    [candidate.identity.instanceId, 'DRAINING'],
  ]);
});

test('what runs on another host counts too, and a host that is silent holds nothing up', async () => {
  const { on, redis, make, ask, roles } = setUp();
  const old = await make('h1', { port: 5 });
  const latest = await make('h2', { revision: 'r2', generation: 2, port: 6 });
  expect(await ask()).toBe('REBUILT');
  expect(roles()?.[0]).toEqual([latest.identity.instanceId, 'SERVING']);
  redis.stored.length = 0;
  on('h2').suspend();
  expect(await ask()).toBe('REBUILT');
  expect(roles()).toEqual([[old.identity.instanceId, 'SERVING']]);
});

test('a record that knows less is brought up, one that is being deleted is not', async () => {
  const { redis, make, ask } = setUp();
  await make('h1', { generation: 3 });
  const known = { record: { ...container, state: { ...EMPTY_STATE, generation: 2 } }, state: 'text' };
  redis.known = known;
  expect(await ask('UNCLEAN')).toBe('REBUILT');
  expect(redis.stored).toMatchObject([{ known: 'text', state: { generation: 3 } }]);
  redis.known = { ...known, record: { ...known.record, state: { ...EMPTY_STATE, generation: 3 } } };
  expect(await ask('UNCLEAN')).toBe('UNNEEDED');
});

test('what cannot be told is left, with the reason', async () => {
  const { on, plane, make, ask } = setUp();
  const instance = await make('h1', { memo: '' });
  expect(await ask()).toEqual({ reason: expect.stringContaining('no memo') });
  on('h1').failNext('makings', new EngineError('TRANSIENT', 'h1', 'it is tired'));
  expect(await ask()).toEqual({ reason: expect.stringContaining('it is tired') });
  await on('h1').driver(plane).stop(instance.name, 1);
  expect(await ask()).toEqual({ reason: expect.stringContaining(`docker start ${instance.name}`) });
});

test.each<[RebuildOutcome, string]>([
  [{ kind: 'NAME_TAKEN', containerId: 'c2' }, 'taken by container c2'],
  [
    { kind: 'DEVICE_TAKEN', device: 'GPU-1', instanceId: 'i2', containerId: 'c2' },
    'GPU-1 on h1 is leased to instance i2',
  ],
  [{ kind: 'CHANGED' }, 'worked on meanwhile'],
])('so is what stands in its way: %j', async (answer, reason) => {
  const { redis, make, ask } = setUp();
  await make('h1', {});
  redis.answer = answer;
  expect(await ask()).toEqual({ reason: expect.stringContaining(reason) });
});
