import { EngineError } from '../../../src/engine/driver.js';
import type { HostObservation, Observations } from '../../../src/fleet/observations.js';
import type { HostedInstance } from '../../../src/reconciler/view.js';
import type { Looked } from '../../../src/store/work.js';
import { lookAt, restsOn } from '../../../src/worker/look.js';
import {
  anInstance,
  anOperation,
  aRetained,
  aServing,
  aView,
  POLICY,
  seen,
} from '../../support/reconciler/builders.js';

const serving = aServing('i1');

/** As Redis would tell it, from the same builders that plans are tested on. */
function loadedOf(parts: Parameters<typeof aView>[0]): Looked {
  const { containerId, status, state, ...rest } = aView(parts);
  const record = {
    id: containerId,
    status,
    state,
    folderId: 'f',
    createdAt: 0,
    name: '',
    description: '',
    labels: {},
    version: 1,
  };
  return { ...rest, record };
}

const observationOf = (...instances: readonly HostedInstance[]): HostObservation =>
  new Map([['c', instances.map(({ host: _host, ...instance }) => instance)]]);

/** For how long the container is let alone by a look at h1; null: for ever. */
async function delayAfter(
  looked: Looked,
  here: HostObservation,
  recent: Observations['recent'] = () => Promise.reject(new Error('no other host is to be asked')),
): Promise<number | null> {
  let delay: number | null = null;
  const queue = {
    enqueue: (_key: string, delayMs: number) => {
      delay = delayMs;
      return Promise.resolve();
    },
  };
  const observations = { recent };
  const hostWork = { hosts: () => Promise.resolve([]) };
  const deps = { observations, queue, hostWork, policy: POLICY, observeIntervalMs: 30_000 };
  await lookAt(deps, 'c', looked, { host: 'h1', observation: here });
  return delay;
}

test('a container that is as it should be is let alone', async () => {
  expect(await delayAfter(loadedOf({ state: { instances: [serving] } }), observationOf(seen(serving)))).toBeNull();
});

test('one whose instance has ended, or is gone, is due at once', async () => {
  const looked = loadedOf({ state: { instances: [serving] } });
  expect(await delayAfter(looked, observationOf(seen(serving, { state: 'EXITED' })))).toBe(0);
  expect(await delayAfter(looked, new Map())).toBe(0);
});

test('so is one with an operation that nobody takes', async () => {
  const queued = anOperation('op', 'DEPLOY', { state: 'QUEUED' });
  expect(await delayAfter(loadedOf({ state: { instances: [serving] }, queued }), observationOf(seen(serving)))).toBe(0);
});

test('one that waits for something is due when the wait is over', async () => {
  const draining = anInstance('i2', {
    ...serving,
    id: 'i2',
    role: 'DRAINING',
    drainVersion: 9,
    drainDeadline: 1_000_400,
  });
  const looked = loadedOf({
    state: { instances: [serving, draining] },
    ingresses: [{ ingressId: 'i', appliedVersion: 1, busyInstances: ['i2'] }],
  });
  expect(await delayAfter(looked, observationOf(seen(serving), seen(draining)))).toBe(400);
});

test('what somebody holds is let alone, and what may still be acted on is taken over', async () => {
  for (const looked of ['BUSY', 'DELETED', 'UNKNOWN'] as const)
    expect(await delayAfter(looked, observationOf(seen(serving)))).toBeNull();
  expect(await delayAfter('UNCLEAN', observationOf(seen(serving)))).toBe(0);
});

describe('a container with an instance on another host', () => {
  const retained = aRetained('i2', { host: 'h2' });
  const looked = loadedOf({ state: { instances: [serving, retained] } });
  const here = observationOf(seen(serving));

  test('is judged by what that host showed of late', async () => {
    const there = observationOf(seen(retained, { state: 'EXITED' }));
    expect(await delayAfter(looked, here, () => Promise.resolve(there))).toBeNull();
    expect(await delayAfter(looked, here, () => Promise.resolve(new Map()))).toBe(0);
  });

  test('is looked at again soon where that host does not answer', async () => {
    const silent = () => Promise.reject(new EngineError('UNREACHABLE', 'h2', 'no answer'));
    expect(await delayAfter(looked, here, silent)).toBe(5_000);
  });

  test('rests for as long as neither shows anything else, and both answer', async () => {
    let there = (): Promise<HostObservation> => Promise.resolve(observationOf(seen(retained, { state: 'EXITED' })));
    const observations = { recent: () => there() };
    const queue = { enqueue: () => Promise.reject(new Error('nothing is to be due')) };
    const deps = {
      ...{ observations, queue, policy: POLICY, observeIntervalMs: 30_000 },
      hostWork: { hosts: () => Promise.resolve([]) },
    };
    const marked = typeof looked === 'object' ? { ...looked, mark: 'm' } : looked;
    const rest = await lookAt(deps, 'c', marked, { host: 'h1', observation: here });
    if (rest === null) throw new Error('it does not rest');
    const still = (observation: HostObservation) => restsOn(deps, 'c', rest, { host: 'h1', observation });
    expect(await still(observationOf(seen(serving)))).toEqual(rest);
    expect(await still(observationOf(seen(serving, { exitCode: 1 })))).toBeNull();
    there = () => Promise.resolve(observationOf(seen(retained, { state: 'EXITED', name: 'another' })));
    expect(await still(here)).toBeNull();
    there = () => Promise.reject(new EngineError('UNREACHABLE', 'h2', 'no answer'));
    expect(await still(here)).toBeNull();
  });
});
