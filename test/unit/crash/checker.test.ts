import { type Expected, faultsOf, type Watched } from '../../support/crash/checker.js';
import type { World } from '../../support/crash/world.js';

/** Revision `new` serves with a GPU and a port, an instance of `old` is retained; all of it as it should be. */
const WORLD: World = {
  container: {
    fields: { status: 'ACTIVE', running: '', description: 'd' },
    state: {
      activeRevisionId: 'new',
      instances: [
        {
          id: 'i2',
          revisionId: 'new',
          role: 'SERVING',
          host: 'h',
          gpuUuids: ['G1'],
          port: 7,
          leased: true,
          failed: null,
        },
        {
          id: 'i1',
          revisionId: 'old',
          role: 'RETAINED',
          host: 'h',
          gpuUuids: ['G1'],
          port: 8,
          leased: false,
          failed: null,
        },
      ],
      rollout: null,
      message: '',
    },
    journal: [],
    route: { state: 'SERVING', revisionId: 'new', targets: [{ instanceId: 'i2', port: 7 }] },
    keys: [],
  },
  revisions: new Map([
    ['old', { status: 'OBSOLETE' }],
    ['new', { status: 'ACTIVE' }],
  ]),
  operations: new Map([['o', { state: 'DONE' }]]),
  devices: { gpus: { 'h/G1': 'i2' }, ports: { 'h/7': 'i2' }, byInstance: { i2: '{}' } },
  queue: { leases: [], lapse: [], unclean: [], overdue: [] },
  recorded: { containers: ['c'], revisions: ['old', 'new'], operations: ['o', 'before'] },
  docker: [
    {
      id: 'd2',
      host: 'h',
      name: 'ls-i2-f9',
      running: true,
      status: 'running',
      startedAt: 2,
      container: 'c',
      instance: 'i2',
      revision: 'new',
      ports: [7],
      gpus: ['G1'],
      gpusSeen: ['G1'],
    },
    {
      id: 'd1',
      host: 'h',
      name: 'ls-i1-f3',
      running: false,
      status: 'exited',
      startedAt: 1,
      container: 'c',
      instance: 'i1',
      revision: 'old',
      ports: [8],
      gpus: ['G1'],
      gpusSeen: ['G1'],
    },
  ],
  api: {
    container: {
      id: 'c',
      status: 'ACTIVE',
      url: 'http://c/',
      active_revision_id: 'new',
      stopped: false,
      status_message: '',
      instances: [],
    },
    bindings: ['viewer of all'],
    revisions: [
      { id: 'new', status: 'ACTIVE' },
      { id: 'old', status: 'OBSOLETE' },
    ],
    operations: [{ id: 'o', done: true, response: { type_url: 't', value: Buffer.alloc(0) } }],
  },
  answer: { status: 200, body: 'two\n' },
};
const EXPECTED: Expected = {
  containerId: 'c',
  operations: [{ id: 'o', results: ['OK'] }],
  activeRevisionId: 'new',
  stopped: false,
  answers: 'two',
  deleted: false,
  dockerId: null,
  submitted: new Set(['before', 'o']),
  leftHost: null,
  description: 'd',
  bindings: ['viewer of all'],
};
const WATCHED: Watched = { ended: new Map([['o', 1]]), overlaps: [] };

const container = (part: Partial<World['container']>): Partial<World> => ({
  container: { ...WORLD.container, ...part },
});
const state = (part: Partial<NonNullable<World['container']['state']>>): Partial<World> => {
  const before = WORLD.container.state;
  if (before === null) throw new Error('no state');
  return container({ state: { ...before, ...part } });
};
const docker = (index: number, part: Partial<World['docker'][number]>): Partial<World> => ({
  docker: WORLD.docker.map((one, at) => (at === index ? { ...one, ...part } : one)),
});
const stray = { ...WORLD.docker[1], id: 'd3', instance: 'i3', name: 'ls-i3-f1' } as World['docker'][number];
const queue = (part: Partial<World['queue']>): Partial<World> => ({ queue: { ...WORLD.queue, ...part } });
const devices = (part: Partial<World['devices']>): Partial<World> => ({ devices: { ...WORLD.devices, ...part } });
const recorded = (part: Partial<World['recorded']>): Partial<World> => ({ recorded: { ...WORLD.recorded, ...part } });
const api = (part: Partial<World['api']>): Partial<World> => ({ api: { ...WORLD.api, ...part } });

test('a world in which all is well has no faults', () => {
  expect(faultsOf(WORLD, EXPECTED, WATCHED)).toEqual([]);
});

test.each<[string, Partial<World>, RegExp]>([
  ['an operation that is lost', { operations: new Map() }, /operation o is gone in Redis/],
  ['an operation that hangs', { operations: new Map([['o', { state: 'RUNNING' }]]) }, /is RUNNING in Redis/],
  ['one that the API has not done', api({ operations: [{ id: 'o', done: false }] }), /not done for the API/],
  [
    'one with another result',
    api({ operations: [{ id: 'o', done: true, error: { code: 9, message: 'no' } }] }),
    /ended with 9 \(no\), expected OK/,
  ],
  ['a lease that is left', queue({ leases: ['lease/x'] }), /keys stay leased: lease\/x/],
  ['a lease that may lapse', queue({ lapse: ['container/c'] }), /leases that may lapse/],
  ['an unclean key', queue({ unclean: ['container/c'] }), /keys stay unclean/],
  ['a key nobody works on', queue({ overdue: ['container/c'] }), /nobody works on them/],
  ['a container that is lost', container({ fields: null, state: null }), /gone from Redis/],
  [
    'an operation that still runs',
    container({ fields: { status: 'ACTIVE', running: 'o' } }),
    /still counts as running/,
  ],
  ['a journal that is not empty', container({ journal: ['o'] }), /journal still holds o/],
  ['a rollout that is left', state({ rollout: {} }), /rollout is still recorded/],
  ['an ill container', state({ message: 'ill' }), /not healthy: ill/],
  ['the wrong active revision', state({ activeRevisionId: 'old' }), /active is old, expected new/],
  [
    'two active revisions',
    {
      revisions: new Map([
        ['old', { status: 'ACTIVE' }],
        ['new', { status: 'ACTIVE' }],
      ]),
    },
    /ACTIVE in Redis: old,new/,
  ],
  [
    'a failed revision in the list',
    api({
      revisions: [
        { id: 'new', status: 'ACTIVE' },
        { id: 'bad', status: 'CREATING' },
      ],
    }),
    /bad is CREATING in the API/,
  ],
  ['the wrong answer', { answer: { status: 200, body: 'one' } }, /the url answers 200 one, expected two/],
  ['no answer', { answer: { status: 503, body: '' } }, /the url answers 503/],
  [
    'a route that leads elsewhere',
    container({ route: { state: 'SERVING', revisionId: 'new', targets: [] } }),
    /the route is/,
  ],
  [
    'an instance in between',
    state({
      instances:
        WORLD.container.state?.instances.map((one) => ({ ...one, role: one.id === 'i1' ? 'DRAINING' : one.role })) ??
        [],
    }),
    /i1 is still DRAINING/,
  ],
  [
    'a container that nobody accounts for',
    { docker: [...WORLD.docker, stray] },
    /ls-i3-f1 \(exited\) is on the engine and has no record/,
  ],
  [
    'two containers of one instance',
    { docker: [...WORLD.docker, { ...stray, instance: 'i1' }] },
    /i1 \(RETAINED\) has 2 containers/,
  ],
  ['a retained container that is lost', { docker: WORLD.docker.slice(0, 1) }, /i1 \(RETAINED\) has 0 containers/],
  ['a retained one that runs', docker(1, { running: true }), /running are .* expected new/],
  ['a serving one that does not', docker(0, { running: false }), /running are none, expected new/],
  [
    'a leaked GPU',
    devices({ gpus: { 'h/G1': 'i2', 'h/G2': 'i1' } }),
    /GPUs: leased h\/G1 by i2,h\/G2 by i1; in use h\/G1 by i2/,
  ],
  ['a GPU without a lease', devices({ gpus: {} }), /GPUs: leased none; in use h\/G1 by i2/],
  [
    'a leaked port',
    devices({ ports: { 'h/7': 'i2', 'h/8': 'i1' } }),
    /ports: leased h\/7 by i2,h\/8 by i1; in use h\/7 by i2/,
  ],
  ['a leaked lease', devices({ byInstance: { i1: '{}', i2: '{}' } }), /leases: leased i1,i2; in use i2/],
  ['a lease of another host', devices({ ports: { 'g/7': 'i2' } }), /ports: leased g\/7 by i2; in use h\/7 by i2/],
  ['a container on another host than recorded', docker(1, { host: 'g' }), /ls-i1-f3 is on g and recorded on h/],
  ['a container that nobody created', recorded({ containers: ['c', 'x'] }), /containers that nobody created: x/],
  ['a revision of no container', recorded({ revisions: ['old', 'new', 'x'] }), /revisions .* no container: x/],
  ['a request that took effect twice', recorded({ operations: ['o', 'x'] }), /operations that nobody submitted: x/],
  ['a change that is lost', container({ fields: { status: 'ACTIVE', running: '' } }), /described as , expected d/],
  ['bindings that are lost', api({ bindings: [] }), /bindings: there are none; expected viewer of all/],
  ['other GPUs than asked for', docker(0, { gpusSeen: ['G2'] }), /GPUs in ls-i2-f9: leased G1; in use G2/],
])('%s is found', (_what, part, fault) => {
  expect(faultsOf({ ...WORLD, ...part }, EXPECTED, WATCHED).join('\n')).toMatch(fault);
});

test('what was seen on the way counts', () => {
  const twice = { ...WATCHED, ended: new Map([['o', 2]]) };
  expect(faultsOf(WORLD, EXPECTED, twice)).toEqual(['operation o was announced as ended 2 times']);
  expect(faultsOf(WORLD, EXPECTED, { ...WATCHED, overlaps: ['two had G1'] })).toEqual(['two had G1']);
  expect(faultsOf(WORLD, { ...EXPECTED, dockerId: 'd0' }, WATCHED)).toEqual([
    'it runs in another container than before',
  ]);
  expect(faultsOf(WORLD, { ...EXPECTED, leftHost: 'h' }, WATCHED)).toEqual(['it still runs on h']);
});

test('a stopped container does not run, and lets nobody in', () => {
  expect(faultsOf(WORLD, { ...EXPECTED, stopped: true }, WATCHED)).toEqual([
    'the API says false to stopped',
    'it is stopped, and the url answers 200',
    expect.stringContaining('it is stopped, and the route is {'),
    'running are ls-i2-f9 of new, expected none',
  ]);
});

test('of a deleted container only its operations and a tombstone are left', () => {
  const deleted: Expected = { ...EXPECTED, deleted: true, activeRevisionId: null, answers: null };
  const gone: World = {
    ...WORLD,
    container: {
      fields: null,
      state: null,
      journal: [],
      route: null,
      keys: ['operations-by-container/c', 'tombstone/c'],
    },
    revisions: new Map(),
    recorded: { containers: [], revisions: [], operations: ['before', 'o'] },
    devices: { gpus: {}, ports: {}, byInstance: {} },
    docker: [],
    api: { ...WORLD.api, container: null, revisions: [] },
    answer: null,
  };
  expect(faultsOf(gone, deleted, WATCHED)).toEqual([]);
  expect(faultsOf({ ...gone, docker: WORLD.docker.slice(1) }, deleted, WATCHED)).toHaveLength(1);
  const key = { ...gone, container: { ...gone.container, keys: [...gone.container.keys, 'devices-of/c'] } };
  expect(faultsOf(key, deleted, WATCHED)).toEqual(['a deleted container left keys: devices-of/c']);
});
