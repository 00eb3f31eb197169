import { planGivingUp } from '../../../src/reconciler/giving-up.js';
import { anOperation, aRollout, aView } from '../../support/reconciler/builders.js';

const TROUBLE = { count: 5, reason: 'TypeError: x is not a function' };
const running = anOperation('op', 'DEPLOY');
const progress = { step: 'START', percent: 65, bytesDone: 0, bytesTotal: 0, rolloutOrder: null, message: '' } as const;

test('the running operation ends with what failed, and how often', () => {
  const step = planGivingUp(aView({ running: { ...running, progress }, state: { rollout: aRollout() } }), TROUBLE);
  expect(step).toEqual({
    kind: 'COMPLETE_OPERATION',
    operationId: running.id,
    failure: {
      code: 'INTERNAL',
      reason: 'WORK_FAILED',
      message: 'given up: the work on it failed 5 times in a row; the last time: TypeError: x is not a function',
      metadata: { step: 'START', failures: '5' },
    },
  });
});

test('where the process died, it says so, and how far it had come', () => {
  expect(planGivingUp(aView({ running: { ...running, progress } }), { count: 5, reason: '' })).toMatchObject({
    failure: { message: expect.stringMatching(/the process that did the work died, .*; it had come as far as START$/) },
  });
});

test('what it was being undone for is not lost', () => {
  const failure = { code: 'FAILED_PRECONDITION', reason: 'IMAGE_NOT_FOUND', message: 'no such image' } as const;
  const step = planGivingUp(aView({ running, state: { rollout: aRollout({ failure }) } }), TROUBLE);
  expect(step).toMatchObject({
    failure: {
      code: 'INTERNAL',
      message: expect.stringContaining('it was being undone, because no such image'),
      metadata: { undone_for: 'IMAGE_NOT_FOUND' },
    },
  });
});

test('an operation that has switched ends as a success, since it is one', () => {
  const step = planGivingUp(aView({ running, state: { rollout: aRollout({ switchedVersion: 3 }) } }), TROUBLE);
  expect(step).toEqual({ kind: 'COMPLETE_OPERATION', operationId: running.id, failure: null });
});

test('requests that are held are let go first', () => {
  const step = planGivingUp(aView({ running, state: { rollout: aRollout({ holdVersion: 3 }) } }), TROUBLE);
  expect(step).toEqual({ kind: 'PUBLISH_ROUTE' });
});

test('an operation that could not even be taken is taken to be ended, and without one there is nothing to give up', () => {
  const queued = anOperation('op', 'DEPLOY');
  expect(planGivingUp(aView({ queued }), TROUBLE)).toEqual({ kind: 'TAKE_OPERATION', operationId: queued.id });
  expect(planGivingUp(aView({}), TROUBLE)).toBeNull();
});
