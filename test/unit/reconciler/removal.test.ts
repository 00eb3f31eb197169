import { plan } from '../../../src/reconciler/plan.js';
import {
  anInstance,
  anOperation,
  aRollout,
  aServing,
  aView,
  NOW,
  POLICY,
  seen,
  type ViewParts,
} from '../../support/reconciler/builders.js';

/*
 * A container that its engine has begun to remove: most are gone in a moment, some hang there until the engine is started again.
 */

const DEADLINE = NOW + POLICY.unreachableDeadlineMs;
const going = (id: string) => seen(anInstance(id), { state: 'REMOVING' });
const since = { startedAt: NOW, createdAt: NOW, changedAt: NOW };

const held = aServing('i1', { role: 'HELD', changedAt: NOW });
const candidate = anInstance('i2', { revisionId: 'r2', leased: false, imageReady: true, changedAt: NOW });
const deploy = anOperation('op', 'DEPLOY', { revisionId: 'r2', createdAt: NOW });
const stopFirst = (part: Parameters<typeof aRollout>[0]) =>
  aRollout({ order: 'STOP_FIRST', holdVersion: 3, startedAt: since.startedAt, ...part });

const CASES: readonly [what: string, parts: ViewParts, late: object][] = [
  [
    'ends a Delete',
    {
      running: anOperation('op', 'DELETE', { createdAt: NOW }),
      status: 'DELETING',
      state: { instances: [aServing('i1', { changedAt: NOW })] },
      observed: [going('i1')],
    },
    { kind: 'COMPLETE_OPERATION', failure: { code: 'UNAVAILABLE', reason: 'REMOVE_FAILED' } },
  ],
  [
    'is waited for no longer by a stop-first deploy that is to have its devices',
    {
      running: deploy,
      state: { instances: [held, candidate], rollout: stopFirst({}), activeRevisionId: 'r1' },
      observed: [going('i1')],
    },
    {
      kind: 'UNDO_ROLLOUT',
      failure: { reason: 'REMOVE_FAILED', message: expect.stringContaining('restart that engine') },
    },
  ],
  [
    'fails the deploy whose candidate it is',
    {
      running: deploy,
      state: {
        instances: [anInstance('i2', { revisionId: 'r2', createIntended: true, changedAt: NOW })],
        rollout: aRollout({ startedAt: NOW }),
      },
      observed: [going('i2')],
    },
    { kind: 'UNDO_ROLLOUT', failure: { reason: 'REMOVE_FAILED' } },
  ],
];

test.each(CASES)('one that hangs %s', (_what, parts, late) => {
  expect(plan(aView({ ...parts, now: NOW + 1 }))).toMatchObject({ kind: 'WAIT', until: NOW + 1_001 });
  expect(plan(aView({ ...parts, now: DEADLINE }))).toMatchObject(late);
});

test('a candidate that hangs is left to steady state by the undoing of its deploy, and keeps its devices', () => {
  const failure = { code: 'CANCELLED', reason: 'OPERATION_CANCELLED', message: '', metadata: {} } as const;
  const instances = [aServing('i1'), anInstance('i2', { revisionId: 'r2', createIntended: true, changedAt: NOW })];
  const undoing = { instances, rollout: aRollout({ startedAt: NOW, undoneAt: NOW, failure }), activeRevisionId: 'r1' };
  const observed = [seen(aServing('i1')), going('i2')];
  expect(plan(aView({ running: deploy, state: undoing, observed, now: NOW + 1 })).kind).toBe('WAIT');
  expect(plan(aView({ running: deploy, state: undoing, observed, now: DEADLINE }))).toMatchObject({
    kind: 'COMPLETE_OPERATION',
    failure,
  });
  const left = {
    instances: [instances[0] ?? aServing('i1'), anInstance('i2', { role: 'DISCARDED' })],
    activeRevisionId: 'r1',
  };
  expect(plan(aView({ state: left, observed, now: DEADLINE })).kind).not.toBe('FREE_DEVICES');
});
