import type { ContainerState } from '../../../src/domain/container-state.js';
import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import type { Failure } from '../../../src/domain/errors.js';
import type { ProgressStep } from '../../../src/domain/operation.js';
import { NEXT_ROUTE_VERSION } from '../../../src/domain/route.js';
import { cancelled } from '../../../src/reconciler/failures.js';
import {
  backoff,
  exited,
  faulted,
  healthy,
  portMoved,
  pulled,
  started,
} from '../../../src/reconciler/instance-transitions.js';
import { progressOf, pullPercent } from '../../../src/reconciler/progress.js';
import { routeOf } from '../../../src/reconciler/route.js';
import {
  blocked,
  completed,
  devicesMoved,
  held,
  moved,
  numbered,
  operationTaken,
  recalled,
  stopBegun,
  switched,
} from '../../../src/reconciler/transitions.js';
import {
  anInstance,
  anOperation,
  aRetained,
  aRevision,
  aRollout,
  aServing,
  aView,
  NOW,
  POLICY,
} from '../../support/reconciler/builders.js';

const stateOf = (part: Partial<ContainerState>): ContainerState => ({ ...EMPTY_STATE, generation: 1, ...part });
const candidate = anInstance('i2', { revisionId: 'r2', healthyAt: NOW });

test('an instance that takes the place of another serves from then on, and is started as soon as it was made to', () => {
  const successor = anInstance('i2', { healthyAt: NOW, restarts: 3 });
  const after = moved(stateOf({ instances: [aServing('i1')] }), 'i1', successor, 'the host was lost', NOW);
  expect(after).toMatchObject({
    generation: 2,
    message: 'the host was lost',
    instances: [
      { id: 'i1', role: 'DISCARDED', failed: 'the host was lost' },
      { id: 'i2', role: 'SERVING', leased: true, healthyAt: null, restarts: 3 },
    ],
  });
});

describe('taking an operation', () => {
  it('begins a rollout, with a new generation and without old faults', () => {
    const ill = faulted(
      stateOf({ instances: [aServing('i1')], activeRevisionId: 'r1' }),
      'i1',
      { step: 'STOP_CONTAINER', kind: 'PERMANENT', message: '' },
      NOW,
    );
    const taken = operationTaken(ill, anOperation('op', 'DEPLOY', { revisionId: 'r2' }), NOW);
    expect(taken).toMatchObject({
      generation: 2,
      rollout: { kind: 'DEPLOY', revisionId: 'r2', formerRevisionId: 'r1', startedAt: NOW },
    });
    expect(taken.instances[0]?.fault).toBeNull();
  });

  it('of another kind begins none', () => {
    expect(operationTaken(stateOf({}), anOperation('op', 'DELETE'), NOW).rollout).toBeNull();
  });
});

describe('the switch', () => {
  const before = stateOf({
    activeRevisionId: 'r1',
    instances: [aServing('i1'), candidate],
    rollout: aRollout({ order: 'START_FIRST' }),
    routed: ['i1'],
  });

  it('lets the candidate serve and the former one drain, from one route version on', () => {
    const after = switched(before, NOW, { ...POLICY, drainTimeoutMs: 30_000 });
    expect(after.instances.map(({ role }) => role)).toEqual(['DRAINING', 'SERVING']);
    expect(after.instances[0]).toMatchObject({ drainVersion: NEXT_ROUTE_VERSION, drainDeadline: NOW + 30_000 });
    expect(after).toMatchObject({ activeRevisionId: 'r2', stableRevisionId: 'r1', routed: ['i2'] });
    expect(after.watch).toEqual({ revisionId: 'r2', since: NOW, mayRevert: true, death: null });
    expect(after.rollout?.switchedVersion).toBe(NEXT_ROUTE_VERSION);
  });

  it('is numbered as the script that stores it numbers it', () => {
    const after = { ...switched(before, NOW, { ...POLICY, drainTimeoutMs: 30_000 }), generation: 5 };
    const text = JSON.stringify(after).replaceAll(String(NEXT_ROUTE_VERSION), '12');
    expect(numbered(after, 12)).toEqual(JSON.parse(text));
    const holding = held(before, NOW, 30_000);
    expect(numbered(holding, 12)).toMatchObject({
      rollout: { holdVersion: 12 },
      instances: [{ drainVersion: 12 }, {}],
    });
  });

  it('of a rollback takes its target for the stable one', () => {
    const rollback = { ...before, rollout: aRollout({ kind: 'ROLLBACK' }) };
    expect(switched(rollback, NOW, POLICY)).toMatchObject({ stableRevisionId: 'r2', watch: null });
  });

  it('of a deploy while another one is watched leaves the stable one', () => {
    const watch = { revisionId: 'r1', since: NOW - 1, mayRevert: true, death: null };
    const after = switched({ ...before, stableRevisionId: 'r0', watch }, NOW, POLICY);
    expect(after).toMatchObject({ stableRevisionId: 'r0', watch: { revisionId: 'r2' } });
  });

  it('of a deploy takes it for the stable one where nothing is watched', () => {
    const after = switched(before, NOW, { ...POLICY, watchWindowMs: 0 });
    expect(after).toMatchObject({ stableRevisionId: 'r2', watch: null });
  });
});

describe('an instance that is taken back', () => {
  it('keeps its leases and its start, and is asked anew whether it is healthy', () => {
    const draining = aServing('i1', { role: 'DRAINING', drainVersion: 3, drainDeadline: NOW, restarts: 2 });
    const after = recalled(stateOf({ instances: [draining], rollout: aRollout() }), 'i1', NOW);
    expect(after.instances).toEqual([
      aServing('i1', { role: 'CANDIDATE', healthyAt: null, changedAt: NOW, startedAt: draining.startedAt }),
    ]);
    expect(after.rollout?.order).toBe('START_FIRST');
  });
});

describe('a port that something else has', () => {
  const clash = { step: 'START_CONTAINER', kind: 'TRANSIENT', reason: 'PORT_TAKEN', message: 'in use' } as const;
  const serving = stateOf({ instances: [aServing('i1', { port: 7, startedAt: null, healthyAt: null })] });
  const clashed = faulted(faulted(serving, 'i1', clash, NOW), 'i1', clash, NOW);

  it('is remembered once, until the instance is started there or serves elsewhere', () => {
    expect(clashed.instances[0]).toMatchObject({ avoidPorts: [7], fault: { count: 2, reason: 'PORT_TAKEN' } });
    const again = started(clashed, 'i1', { engineStartedAt: null, restart: true }, NOW);
    expect(again.instances[0]?.avoidPorts).toEqual([]);
    const moved = portMoved(clashed, 'i1', 8, NOW);
    expect(started(moved, 'i1', { engineStartedAt: null, restart: true }, NOW).instances[0]?.avoidPorts).toEqual([7]);
    expect(healthy(moved, 'i1', NOW, 0).instances[0]?.avoidPorts).toEqual([]);
  });

  it('is left for another, with a container that is yet to be made, at once at first and later after a while', () => {
    const moved = portMoved(clashed, 'i1', 8, NOW);
    expect(moved.generation).toBe(clashed.generation + 1);
    expect(moved.instances[0]).toMatchObject({
      port: 8,
      created: false,
      createIntended: false,
      fault: null,
      restarts: 0,
    });
    const next = portMoved(faulted(moved, 'i1', clash, NOW), 'i1', 9, NOW);
    expect(next.instances[0]).toMatchObject({ port: 9, avoidPorts: [7, 8], restarts: 1 });
  });

  it('that was left goes with the devices to whoever has them next', () => {
    const giver = anInstance('i2', { port: 8, avoidPorts: [7] });
    const taker = aServing('i1', { port: 7, leased: false });
    const after = devicesMoved(stateOf({ instances: [taker, giver] }), 'i2', 'i1', NOW);
    expect(after.instances).toMatchObject([{ leased: true, port: 8 }, { leased: false }]);
  });
});

describe('the route', () => {
  const active = aRevision('r1', { concurrency: 3, executionTimeoutMs: 9 });
  const state = stateOf({ instances: [aServing('i1')], rollout: aRollout(), routed: ['i1'], activeRevisionId: 'r1' });

  it('leads to what is routed', () => {
    expect(routeOf('c', state, active)).toEqual({
      containerId: 'c',
      state: 'SERVING',
      revisionId: 'r1',
      targets: [{ instanceId: 'i1', address: '10.0.0.1', port: 40_000 }],
      concurrency: 3,
      executionTimeoutMs: 9,
    });
  });

  it('holds requests, and nobody is a target', () => {
    expect(routeOf('c', held(state, NOW, 0), active)).toMatchObject({ state: 'HELD', targets: [] });
  });

  it('lets nobody in where the container is stopped', () => {
    expect(routeOf('c', stopBegun(state, NOW, 0), active)).toMatchObject({ state: 'STOPPED', targets: [] });
  });

  it.each([
    ['there is no active revision', null],
    ['the active one serves no HTTP', aRevision('r1', { runtime: 'PROCESS' })],
  ])('is empty where %s', (_what, revision) => {
    expect(routeOf('c', state, revision)).toMatchObject({ state: 'EMPTY', targets: [] });
  });
});

describe('an operation that is ended from outside', () => {
  it('leaves what was kept to steady state, which puts it back', () => {
    const stopped = { since: NOW, kept: [candidate.id] };
    const { instances } = completed(
      stateOf({ instances: [candidate], rollout: aRollout({ kind: 'START' }), stopped }),
      NOW,
    );
    expect(instances).toMatchObject([{ id: candidate.id, role: 'DRAINING', drainVersion: null }]);
  });

  it('leaves nothing that steady state does not know', () => {
    const state = stateOf({
      instances: [aServing('i1', { role: 'HELD' }), candidate, aRetained('i0')],
      rollout: aRollout(),
    });
    const after = completed(state, NOW);
    expect(after.instances.map(({ role }) => role)).toEqual(['SERVING', 'DISCARDED', 'RETAINED']);
    expect(after.rollout).toBeNull();
  });
});

describe('faults and restarts', () => {
  const state = stateOf({ instances: [aServing('i1')] });
  const fault = { step: 'START_CONTAINER', kind: 'TRANSIENT', message: 'busy' } as const;
  const exit = { kind: 'NOTE_EXIT', instanceId: 'i1', reason: 'gone', died: true } as const;

  it('of the same step are counted together, of another begin anew', () => {
    const twice = faulted(faulted(state, 'i1', fault, NOW), 'i1', fault, NOW + 600);
    expect(twice.instances[0]?.fault).toMatchObject({ count: 2, firstAt: NOW, retryAt: NOW + 600 + 1000 });
    const other = faulted(twice, 'i1', { ...fault, step: 'STOP_CONTAINER' }, NOW + 700);
    expect(other.instances[0]?.fault).toMatchObject({ count: 1, firstAt: NOW + 700 });
  });

  it('of a create have the image looked for once more, and go on being counted', () => {
    const after = faulted(state, 'i1', { ...fault, step: 'CREATE_CONTAINER' }, NOW);
    expect(after.instances[0]?.imageReady).toBe(false);
    const again = pulled(after, 'i1', NOW + 100);
    expect(again.instances[0]).toMatchObject({ imageReady: true, fault: { count: 1, firstAt: NOW } });
    const later = pulled(after, 'i1', NOW + 60_500);
    expect(later.instances[0]?.fault).toMatchObject({ count: 1, firstAt: NOW + 60_000 });
    const forGood = faulted(state, 'i1', { ...fault, step: 'CREATE_CONTAINER', kind: 'PERMANENT' }, NOW);
    expect(forGood.instances[0]?.imageReady).toBe(true);
  });

  it('are forgiven after a long healthy life', () => {
    const again = started(state, 'i1', { engineStartedAt: null, restart: true }, NOW);
    expect(again.instances[0]?.restarts).toBe(1);
    const well = stateOf({ instances: [aServing('i1', { restarts: 4, startedAt: NOW })] });
    expect(exited(well, exit, NOW + 599_999).instances[0]?.restarts).toBe(4);
    expect(exited(well, exit, NOW + 600_000).instances[0]?.restarts).toBe(0);
    const never = stateOf({ instances: [aServing('i1', { restarts: 4, startedAt: NOW, healthyAt: null })] });
    expect(exited(never, exit, NOW + 600_000).instances[0]?.restarts).toBe(4);
  });

  it('are told to callers, with the time to the next start where there is one to wait for', () => {
    const after = (restarts: number) => exited(stateOf({ instances: [aServing('i1', { restarts })] }), exit, NOW);
    const at = (restarts: number) => after(restarts).message;
    expect(after(4).instances[0]?.failed).toBe('gone');
    expect(at(0)).toBe('gone');
    expect(at(4)).toBe('gone; after 4 starts in short order it is started again in 8 s');
    expect(at(99)).toContain('in 300 s');
    expect(exited(state, { ...exit, reason: 'held', died: false }, NOW).message).toBe('held');
  });

  it('back off twice as long each time, up to a bound, less up to half by jitter', () => {
    const bounds = { first: 100, last: 1000 };
    expect([1, 2, 3, 4, 5, 99].map((count) => backoff(count, bounds))).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoff(1, bounds, 0)).toBe(50);
  });

  it('placing is tried again soon, later less often', () => {
    const waits = [0, 4000, 60_000].map((waited) => {
      const state = stateOf({ rollout: aRollout({ startedAt: NOW - waited }) });
      return (blocked(state, 'full', NOW, 1).rollout?.blocked?.retryAt ?? 0) - NOW;
    });
    expect(waits).toEqual([500, 1000, 5000]);
  });
});

describe('progress', () => {
  const progress = { step: 'PULL', percent: 30, bytesDone: 3, bytesTotal: 9, rolloutOrder: null, message: '' } as const;
  const running = anOperation('op', 'DEPLOY', { revisionId: 'r2', progress });
  const rollout = aRollout({ order: 'STOP_FIRST' });
  const view = aView({ running, state: { instances: [aServing('i1'), candidate], rollout } });

  it('never falls, and names the order', () => {
    const shown = progressOf({ kind: 'PULL_IMAGE', instanceId: 'i2' }, view);
    expect(shown).toEqual({ ...progress, rolloutOrder: 'STOP_FIRST' });
    expect(progressOf({ kind: 'CREATE_CONTAINER', instanceId: 'i2' }, view)).toMatchObject({
      step: 'CREATE',
      percent: 60,
    });
  });

  it('is not that of steady state', () => {
    const step = { kind: 'START_CONTAINER', instanceId: 'i1', name: 'n', restart: true } as const;
    expect(progressOf(step, view)).toBeNull();
  });

  it('begins anew with a restore', () => {
    const failure = { code: 'CANCELLED', reason: 'X', message: '' } as const;
    const undone = { ...rollout, holdVersion: 3, failure, undoneAt: NOW };
    const restoring = aView({ running, state: { instances: [candidate], rollout: undone } });
    const shown = progressOf({ kind: 'STOP_CONTAINER', instanceId: 'i2', name: 'n' }, restoring);
    expect(shown).toMatchObject({ step: 'RESTORE', percent: 10 });
  });

  const ended = (failure: Failure | null) => ({ kind: 'COMPLETE_OPERATION', operationId: 'op', failure }) as const;
  const failedAt = (step?: string): Failure => ({
    ...{ code: 'FAILED_PRECONDITION', reason: 'X', message: '' },
    ...(step !== undefined && { metadata: { step } }),
  });
  const showing = (step: ProgressStep, percent: number) =>
    aView({
      running: { ...running, progress: { ...progress, step, percent, message: 'undoing' } },
      state: { instances: [], rollout },
    });

  it('of a failed operation ends where it failed, whatever was undone since', () => {
    const where = (step: ProgressStep, percent: number, failed?: string) =>
      progressOf(ended(failedAt(failed)), showing(step, percent));
    expect(where('RETIRE', 65, 'START')).toMatchObject({ step: 'START', percent: 65, message: '' });
    expect(where('RESTORE', 90, 'HEALTHY')).toMatchObject({ step: 'HEALTHY', percent: 75, rolloutOrder: 'STOP_FIRST' });
    expect(where('ADMIT', 1, 'ADMIT')).toMatchObject({ step: 'ADMIT', percent: 1 });
    expect(where('PULL', 30)).toMatchObject({ step: 'PULL', percent: 30, bytesDone: 3 });
  });

  it('of a cancelled operation ends where it was', () => {
    const { metadata } = cancelled(running, 'on request');
    expect(progressOf(ended({ ...failedAt(), metadata }), showing('RETIRE', 30))).toMatchObject({ step: 'PULL' });
  });

  it('of a Delete that failed on one host ends there, though more was done on others', () => {
    const deletion = anOperation('op', 'DELETE', { progress: { ...progress, step: 'REMOVE', percent: 80 } });
    const view = aView({ running: deletion, state: { instances: [aServing('i1')] } });
    expect(progressOf(ended(failedAt('STOP')), view)).toMatchObject({ step: 'STOP', percent: 80 });
  });

  it('of an operation that did what was asked is DONE', () => {
    expect(progressOf(ended(null), view)).toMatchObject({ step: 'DONE', percent: 100 });
    expect(progressOf({ kind: 'REMOVE_RECORDS', operationId: 'op' }, view)).toMatchObject({
      step: 'DONE',
      percent: 100,
    });
  });

  it('of a pull is its share of the bytes', () => {
    expect([pullPercent(0, 0), pullPercent(0, 8), pullPercent(4, 8), pullPercent(9, 8)]).toEqual([10, 10, 30, 50]);
  });
});
