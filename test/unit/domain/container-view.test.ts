import { containerView, instanceView } from '../../../src/domain/container-view.js';
import type { InstanceRecord } from '../../../src/domain/instance.js';
import { instanceOf, stateOf } from '../../support/store-fixture.js';

const record: InstanceRecord = { ...instanceOf('r1', 'i1'), address: '10.0.0.5', port: 40_001, gpuUuids: ['GPU-0'] };

function fault(message: string) {
  return { step: 'PULL', kind: 'TRANSIENT', reason: 'PULL_FAILED', message, count: 1, firstAt: 1, retryAt: 2 } as const;
}

test.each<[string, Partial<InstanceRecord>, object]>([
  ['a candidate', {}, { state: 'STARTING', address: '10.0.0.5:40001' }],
  ['one that serves', { role: 'SERVING', healthyAt: 1 }, { state: 'RUNNING', address: '10.0.0.5:40001', message: '' }],
  ['one that is started in place', { role: 'SERVING', healthyAt: null }, { state: 'STARTING' }],
  ['one that drains', { role: 'DRAINING', healthyAt: 1 }, { state: 'DRAINING', address: '10.0.0.5:40001' }],
  ['one that waits for its successor', { role: 'HELD' }, { state: 'STOPPED', address: '', gpuUuids: ['GPU-0'] }],
  ['one that is kept', { role: 'RETAINED', leased: false }, { state: 'STOPPED', address: '', gpuUuids: [] }],
  ['one that failed', { role: 'RETAINED', failed: 'exit code 1' }, { state: 'FAILED', message: 'exit code 1' }],
  ['one to be removed', { role: 'DISCARDED' }, { state: 'STOPPED', message: 'being removed' }],
  ['one without a port', { role: 'SERVING', healthyAt: 1, port: null }, { state: 'RUNNING', address: '' }],
  ['one on IPv6', { address: 'fd00::5' }, { address: '[fd00::5]:40001' }],
])('%s, as callers see it', (_, part, expected) => {
  expect(instanceView({ ...record, ...part })).toMatchObject(expected);
});

test('a fault shows as the message', () => {
  expect(instanceView({ ...record, fault: fault('timeout') }).message).toBe('timeout');
});

test.each([
  ['by itself', { role: 'RETAINED' }, 'may run'],
  ['once beside the fault that showed it', { fault: fault('may run') }, 'may run'],
  ['beside another fault', { fault: fault('busy') }, 'busy; may run'],
  [
    'not again where it is why it was given up',
    { role: 'RETAINED', failed: 'not started: may run' },
    'not started: may run',
  ],
] as const)('that an instance may run unseen is said %s', (_, part, message) => {
  expect(instanceView({ ...record, unseen: 'may run', ...part }).message).toBe(message);
});

test('a container joins what callers set with what its worker recorded', () => {
  const container = containerView(
    {
      id: 'c1',
      folderId: 'f',
      createdAt: 1,
      name: 'web',
      description: 'd',
      labels: { a: 'b' },
      status: 'ACTIVE',
      version: 3,
      state: stateOf({ activeRevisionId: 'r1', instances: [record], message: 'why' }),
    },
    'http://c1/',
  );
  expect(container).toEqual({
    id: 'c1',
    folderId: 'f',
    createdAt: 1,
    name: 'web',
    description: 'd',
    labels: { a: 'b' },
    status: 'ACTIVE',
    url: 'http://c1/',
    activeRevisionId: 'r1',
    instances: [instanceView(record)],
    statusMessage: 'why',
    stopped: false,
  });
});

test('a container that was stopped says so, and what it is still at', () => {
  const fields = { id: 'c1', folderId: 'f', createdAt: 1, name: 'web', description: '', labels: {}, version: 1 };
  const shown = (...instances: InstanceRecord[]) => {
    const state = stateOf({ stopped: { since: 1, kept: [] }, instances, message: 'why' });
    return containerView({ ...fields, status: 'ACTIVE', state }, '');
  };
  expect(shown()).toMatchObject({ stopped: true, statusMessage: 'stopped on request; why' });
  expect(shown({ ...record, role: 'DRAINING' }).statusMessage).toBe('being stopped on request; why');
});

test.each([
  ['that a container is parked is more urgent than what its instances are at', { parked: 'parked: why', away: 'away' }],
  ['that the host of what serves is away is more urgent than what was seen of it last', { away: 'away' }],
])('%s', (_what, part) => {
  const record = {
    id: 'c1',
    folderId: 'f',
    createdAt: 1,
    name: 'web',
    description: '',
    labels: {},
    status: 'ACTIVE',
    version: 1,
    state: stateOf({ message: 'why', ...part }),
  } as const;
  expect(containerView(record, '').statusMessage).toBe(Object.values(part)[0]);
});
