import { type EndState, endFaults } from '../../../chaos/end-state.js';
import type { ContainerRecord, Entry } from '../../../chaos/ledger.js';
import {
  ended,
  failedWith,
  instance,
  MADE_AT,
  madeAt,
  onDocker,
  open,
  operation,
  record,
  revert,
  shown,
} from '../../support/chaos/records.js';

/** `one` was created and runs its only revision; all of it as it should be. */
const DEPLOYED = record([ended('o1', { method: 'Create', revisionId: null }), ended('o2')]);
const STATE: EndState = {
  containers: [shown()],
  operations: new Map([['one', [operation('o2'), operation('o1')]]]),
  revisions: new Map([['one', [{ id: 'r1', status: 'ACTIVE' }]]]),
  docker: [onDocker()],
  networks: new Map([['host-1', ['longshore']]]),
  volumes: new Map([['host-1', ['longshore-owner']]]),
  leasedGpus: new Map(),
};

const withOne = (part: Parameters<typeof shown>[0]): Partial<EndState> => ({ containers: [shown(part)] });
const withRevisions = (...all: [id: string, status: string][]): Partial<EndState> => ({
  revisions: new Map([['one', all.map(([id, status]) => ({ id, status }))]]),
});
const withDocker = (...docker: EndState['docker'][number][]): Partial<EndState> => ({ docker });
const withOperations = (...all: ReturnType<typeof operation>[]): Partial<EndState> => ({
  operations: new Map([['one', all]]),
});
const faultsOf = (part: Partial<EndState>, one: ContainerRecord = DEPLOYED): string[] => [
  ...endFaults({ ...STATE, ...part }, [one]),
];

const OTHER = onDocker({ id: 'd2', name: 'ls-i2-f1', instance: 'i2', host: 'host-2', gpus: ['G2'] });
const STOPPED = onDocker({ ...OTHER, running: false, status: 'exited', revision: 'r0' });
const GONE: Partial<EndState> = {
  containers: [],
  operations: new Map(),
  revisions: new Map(),
  docker: [],
};
const DELETED = record([...DEPLOYED.entries, ended('o3', { method: 'Delete', revisionId: null })], {
  deletedAt: MADE_AT,
});

test.each<[string, Partial<EndState>, ContainerRecord]>([
  ['a container that runs', { leasedGpus: new Map([['host-1', 1]]) }, DEPLOYED],
  [
    'one without a revision',
    { ...withOne({ active_revision_id: '', instances: [] }), ...withRevisions(), docker: [] },
    record(DEPLOYED.entries.map((entry) => ({ ...entry, revisionId: null }))),
  ],
  [
    'one with a former instance that has stopped',
    {
      ...withOne({
        instances: [instance('i1'), instance('i2', { revision_id: 'r0', host: 'host-2', state: 'STATE_STOPPED' })],
      }),
      ...withRevisions(['r1', 'ACTIVE'], ['r0', 'OBSOLETE']),
      docker: [onDocker(), STOPPED],
    },
    record(DEPLOYED.entries, {
      revisions: new Map([
        ['r0', ''],
        ['r1', ''],
      ]),
    }),
  ],
  [
    'one whose last deploy has failed',
    withOperations(operation('o3', failedWith(9)), operation('o2'), operation('o1')),
    record([...DEPLOYED.entries, ended('o3', { revisionId: 'r2' }, failedWith(9))]),
  ],
  ['one that was deleted', GONE, DELETED],
  [
    'one whose Delete has failed, since that can be repeated',
    {
      ...withOne({ status: 'DELETING' }),
      ...withOperations(operation('o1'), operation('o2'), operation('o3')),
      docker: [],
    },
    record([...DEPLOYED.entries, ended('o3', { method: 'Delete', revisionId: null }, failedWith(14))], {
      deletedAt: MADE_AT,
    }),
  ],
  [
    'the lease of what may run unseen, which a Delete has left',
    {
      ...withOne({ status: 'DELETING' }),
      ...withOperations(operation('o1'), operation('o2'), operation('o3')),
      docker: [onDocker({ running: false })],
      leasedGpus: new Map([['host-1', 1]]),
    },
    record([...DEPLOYED.entries, ended('o3', { method: 'Delete', revisionId: null }, failedWith(9))], {
      deletedAt: MADE_AT,
    }),
  ],
])('of %s nothing is said', (_what, part, one) => {
  expect(faultsOf(part, one)).toEqual([]);
});

const FOUND: readonly [what: string, state: Partial<EndState>, fault: RegExp, one?: ContainerRecord][] = [
  [
    'an operation that hangs',
    {},
    /^operation o3 \(DeployRevision\) has not ended$/,
    record([...DEPLOYED.entries, open('o3')]),
  ],
  ['a container that is lost', GONE, /container one is gone, and nobody deleted it/],
  [
    'a container that nobody made',
    { containers: [shown(), shown({ id: 'x' })] },
    /nobody created container x \(c1-1\)/,
  ],
  ['a container that is not well', withOne({ status: 'ERROR', status_message: 'ill' }), /container one is ERROR: ill/],
  ['an operation that its list lacks', withOperations(operation('o1')), /o2 was acknowledged and is not among those/],
  [
    'an operation that nobody asked for',
    withOperations(operation('o2'), operation('o1'), operation('o9')),
    /nobody asked for operation o9 of container one \(what o9 does\)/,
  ],
  [
    'a revert by the service that hangs',
    withOperations(operation('o2'), operation('o1'), revert('s1', 'r0', { done: false, response: null })),
    /operation s1 \(what s1 does\), of the service itself, has not ended/,
  ],
  ['another active revision', withOne({ active_revision_id: 'r0' }), /has r0 active; .* made it r1/],
  ['no active revision', withOne({ active_revision_id: '' }), /has nothing active; .* made it r1/],
  [
    'two ACTIVE revisions',
    withRevisions(['r1', 'ACTIVE'], ['r2', 'ACTIVE']),
    /ACTIVE revisions of one are r1,r2, and should be r1/,
  ],
  ['no ACTIVE revision', withRevisions(['r1', 'OBSOLETE']), /ACTIVE revisions of one are none, and should be r1/],
  ['a revision in between', withRevisions(['r1', 'ACTIVE'], ['r2', 'CREATING']), /revision r2 of one is CREATING/],
  [
    'a revision that nobody deployed',
    withRevisions(['r1', 'ACTIVE'], ['r9', 'OBSOLETE']),
    /nobody deployed revision r9/,
  ],
  ['an instance that does not run', withDocker(onDocker({ running: false })), /runs nothing; it should be one/],
  ['an instance of another revision', withDocker(onDocker({ revision: 'r0' })), /runs ls-i1-f1 of r0 on host-1; .* r1/],
  [
    'two instances',
    withDocker(onDocker(), OTHER),
    /runs ls-i1-f1 of r1 on host-1, ls-i2-f1 of r1 on host-2; it should/,
  ],
  [
    'an instance that the API lacks',
    withDocker(onDocker(), STOPPED),
    /ls-i2-f1 \(exited\) is on host-2, and container one has no such instance/,
  ],
  [
    'an instance on another host than told',
    withDocker(onDocker({ host: 'host-2' })),
    /ls-i1-f1 is on host-2, and the API says that it is on host-1/,
  ],
  [
    'two Docker containers of one instance',
    withDocker(onDocker(), onDocker({ id: 'd3', running: false })),
    /instance i1 has 2 Docker containers/,
  ],
  [
    'an instance that is told to be stopped and runs',
    withOne({ instances: [instance('i1', { state: 'STATE_STOPPED' })] }),
    /instance i1 is STATE_STOPPED, and running on Docker/,
  ],
  [
    'an instance that is told to run and is nowhere',
    withOne({ instances: [instance('i1'), instance('i2')] }),
    /instance i2 of one is STATE_RUNNING, and is not there on Docker/,
  ],
  [
    'an instance that is told to be stopped and is nowhere',
    withOne({ instances: [instance('i1'), instance('i2', { state: 'STATE_STOPPED' })] }),
    /instance i2 of one is STATE_STOPPED, and is not there on Docker/,
  ],
  [
    'a lease that outlived its container',
    { ...GONE, leasedGpus: new Map([['host-1', 2]]) },
    /^2 GPUs of host-1 are leased, and 0 are in use$/,
    DELETED,
  ],
  [
    'a lease of what has stopped, which a Delete has left for another reason',
    {
      ...withOne({ status: 'DELETING' }),
      ...withOperations(operation('o1'), operation('o2'), operation('o3')),
      docker: [onDocker({ running: false })],
      leasedGpus: new Map([['host-1', 1]]),
    },
    /^1 GPUs of host-1 are leased, and 0 are in use$/,
    record([...DEPLOYED.entries, ended('o3', { method: 'Delete', revisionId: null }, failedWith(14))], {
      deletedAt: MADE_AT,
    }),
  ],
  [
    'a lease that what runs does not have',
    { leasedGpus: new Map([['host-1', 0]]) },
    /^0 GPUs of host-1 are leased, and 1 are in use$/,
  ],
  [
    'an instance that is told to run and has stopped',
    withDocker(onDocker({ running: false })),
    /instance i1 is STATE_RUNNING, and exited on Docker/,
  ],
  [
    'a deleted container that is there',
    { ...GONE, ...withOne({ status: 'DELETING' }) },
    /deleted and is DELETING/,
    DELETED,
  ],
  [
    'a deleted container that runs',
    { ...GONE, docker: [onDocker()] },
    /ls-i1-f1 runs on host-1, and its container one was deleted/,
    DELETED,
  ],
  [
    'what is left of a deleted container',
    { ...GONE, docker: [STOPPED] },
    /^ls-i2-f1 \(exited\) is left on host-2, and its container one is gone$/,
    DELETED,
  ],
  [
    'a network that is left',
    { networks: new Map([['host-2', ['longshore', 'x']]]) },
    /host-2 has the networks longshore, x/,
  ],
  [
    'a volume that is left',
    { volumes: new Map([['host-2', ['longshore-owner', 'x', 'y']]]) },
    /host-2 has the volumes x, y/,
  ],
  [
    'a GPU that two run with',
    withDocker(onDocker({ gpus: ['G1', 'G2'] }), OTHER),
    /ls-i1-f1 and ls-i2-f1 both run with G2/,
  ],
];

test.each(FOUND.map(([what, state, fault, one = DEPLOYED]) => [what, state, fault, one] as const))(
  '%s is found',
  (_what, state, fault, one) => {
    expect(faultsOf(state, one)).toContainEqual(expect.stringMatching(fault));
  },
);

test('two that run with a GPU each share none', () => {
  expect(faultsOf(withDocker(onDocker(), OTHER)).join('\n')).not.toMatch(/both run with/);
});

test('what has stopped does not run', () => {
  expect(faultsOf({ ...GONE, docker: [STOPPED] }, DELETED)).toHaveLength(1);
});

test('a GPU may be that of another one which has stopped', () => {
  const stopped = { ...STOPPED, gpus: ['G1'] };
  const state = withOne({ instances: [instance('i1'), instance('i2', { host: 'host-2', state: 'STATE_STOPPED' })] });
  expect(faultsOf({ ...state, docker: [onDocker(), stopped] })).toEqual([]);
});

describe('which revision has to be active', () => {
  const BOTH = new Map([
    ['r1', ''],
    ['r2', ''],
  ]);
  const twice = record([...DEPLOYED.entries, ended('o3', { revisionId: 'r2' }, madeAt(MADE_AT + 1_000))], {
    revisions: BOTH,
  });
  const OPERATIONS = [operation('o3', madeAt(MADE_AT + 1_000)), operation('o2'), operation('o1')];

  /** With `r1`, or `r2`, active in all that is shown. */
  const active = (id: 'r1' | 'r2', ...reverts: ReturnType<typeof operation>[]): Partial<EndState> => ({
    ...withOne({ active_revision_id: id, instances: [instance('i1', { revision_id: id })] }),
    ...withRevisions(['r1', id === 'r1' ? 'ACTIVE' : 'OBSOLETE'], ['r2', id === 'r2' ? 'ACTIVE' : 'OBSOLETE']),
    ...withOperations(...reverts, ...OPERATIONS),
    docker: [onDocker({ revision: id })],
  });
  const late = revert('s1', 'r1', madeAt(MADE_AT + 1_500));

  test.each<[string, 'r1' | 'r2', ReturnType<typeof operation>[]]>([
    ['is that of the last operation that succeeded', 'r2', []],
    ['is what the service has reverted to since', 'r1', [late]],
    ['is not what it reverted to before', 'r2', [revert('s1', 'r1', madeAt(MADE_AT + 500))]],
    ['is not what it failed to revert to', 'r2', [{ ...late, ...failedWith(9) }]],
    ['is what it reverted to last', 'r2', [revert('s2', 'r2', madeAt(MADE_AT + 1_501)), late]],
  ])('%s', (_what, id, reverts) => {
    const other = id === 'r1' ? 'r2' : 'r1';
    expect(faultsOf(active(id, ...reverts), twice)).toEqual([]);
    expect(faultsOf(active(other, ...reverts), twice)).toEqual([
      expect.stringContaining(`has ${other} active; the last operation that succeeded made it ${id}`),
      expect.stringContaining(`ACTIVE revisions of one are ${other}, and should be ${id}`),
      expect.stringContaining(`it should be one instance of ${id}`),
    ]);
  });
});

describe('whether it has to be stopped', () => {
  const at = (ms: number, part: Parameters<typeof operation>[1] = {}) => ({ ...part, ...madeAt(MADE_AT + ms) });
  const asked = (method: Entry['method'], revisionId: string | null, shown: Parameters<typeof operation>[1] = {}) =>
    ended('o3', { method, revisionId }, at(1, shown));
  const STOP = asked('Stop', null);
  /** After a Stop. */
  const next = (method: Entry['method'], revisionId: string | null, shown: Parameters<typeof operation>[1] = {}) =>
    ended('o4', { method, revisionId }, at(2, shown));

  test.each<[boolean, string, Entry[]]>([
    [true, 'it was stopped', [STOP]],
    [true, 'a Stop of it has failed', [asked('Stop', null, failedWith(14))]],
    [false, 'a Stop of it was cancelled', [asked('Stop', null, failedWith(1))]],
    [false, 'it was started', [STOP, next('Start', null)]],
    [true, 'a Start has failed', [STOP, next('Start', null, failedWith(8))]],
    [false, 'something was deployed', [STOP, next('DeployRevision', 'r1')]],
    [true, 'a deploy has failed', [STOP, next('DeployRevision', 'r2', failedWith(9))]],
    [true, 'it was rolled back to what is active anyway', [STOP, next('Rollback', 'r1')]],
  ])('is %s where %s', (stopped, _what, entries) => {
    const one = record([...DEPLOYED.entries, ...entries]);
    const operations = withOperations(
      ...entries.map(({ operationId }) => operation(operationId)),
      operation('o2'),
      operation('o1'),
    );
    const down = {
      ...withOne({ stopped: true, instances: [instance('i1', { state: 'STATE_STOPPED' })] }),
      docker: [onDocker({ running: false })],
    };
    expect(faultsOf({ ...operations, ...(stopped ? down : {}) }, one)).toEqual([]);
    expect(faultsOf({ ...operations, ...(stopped ? {} : down) }, one)).toContainEqual(
      `container one (c1-1) says ${!stopped} to stopped; by its operations that is ${stopped}`,
    );
  });

  test('and then nothing of it runs', () => {
    const shownStopped = {
      ...withOne({ stopped: true }),
      ...withOperations(operation('o3'), operation('o2'), operation('o1')),
    };
    expect(faultsOf(shownStopped, record([...DEPLOYED.entries, STOP]))).toEqual([
      'container one (c1-1) is stopped, and instance i1 is STATE_RUNNING',
      'of container one (c1-1) runs ls-i1-f1 of r1 on host-1; it should be nothing ()',
    ]);
  });
});
