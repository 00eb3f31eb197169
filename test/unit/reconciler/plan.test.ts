import type { StepFault } from '../../../src/domain/instance.js';
import { plan } from '../../../src/reconciler/plan.js';
import type { HostedInstance } from '../../../src/reconciler/view.js';
import {
  anInstance,
  anOperation,
  aRetained,
  aRevision,
  aRollout,
  aServing,
  aView,
  FENCE,
  NOW,
  POLICY,
  seen,
  type ViewParts,
} from '../../support/reconciler/builders.js';

const former = aServing('i1');
const candidate = anInstance('i2', { revisionId: 'r2', port: 40_001 });
const deploy = anOperation('op', 'DEPLOY', { revisionId: 'r2' });
const ingress = (appliedVersion: number, ...busyInstances: string[]) => ({
  ingressId: 'x',
  appliedVersion,
  busyInstances,
});

const fault = (step: string, kind: StepFault['kind'], part: Partial<StepFault> = {}): StepFault => ({
  step,
  kind,
  reason: null,
  message: 'no space left',
  count: 1,
  firstAt: NOW - 1000,
  retryAt: NOW - 1,
  ...part,
});

/** A deploy of r2 under way, with r1 serving as `i1`, and the given candidate. */
function deploying(instance = candidate, parts: ViewParts = {}, rollout = aRollout({ order: 'START_FIRST' })) {
  const state = { instances: [former, instance], rollout, activeRevisionId: 'r1' };
  return aView({ running: deploy, observed: [seen(former)], ...parts, state });
}

describe('a container from the future', () => {
  it('halts everything', () => {
    const newer = seen(former, { identity: { ...seen(former).identity, generation: 2 } });
    const step = plan(aView({ state: { instances: [former] }, observed: [newer], queued: deploy }));
    expect(step).toMatchObject({ kind: 'HALT', reason: expect.stringContaining('generation 2, Redis knows 1') });
  });
});

describe('containers of a generation that Redis has forgotten', () => {
  const newer = (state: 'CREATED' | 'EXITED') => {
    const observed = seen(anInstance('i9'), { state });
    return { ...observed, identity: { ...observed.identity, generation: 99 } };
  };

  it('go where they never ran, and else stop everything', () => {
    const planned = (...observed: ReturnType<typeof newer>[]) =>
      plan(aView({ state: { instances: [former] }, observed: [seen(former), ...observed] })).kind;
    expect(planned(newer('CREATED'))).toBe('REMOVE_CONTAINER');
    expect(planned(newer('EXITED'))).toBe('HALT');
    expect(planned(newer('CREATED'), newer('EXITED'))).toBe('HALT');
  });
});

describe('containers that nobody accounts for', () => {
  const stray = (state: 'CREATED' | 'EXITED' | 'RUNNING') => seen(anInstance('i9'), { state });

  it('go where they never ran', () => {
    const step = plan(aView({ state: { instances: [former] }, observed: [seen(former), stray('CREATED')] }));
    expect(step).toMatchObject({ kind: 'REMOVE_CONTAINER', host: 'h1', instanceId: 'i9' });
  });

  it.each(['EXITED', 'RUNNING'] as const)('stay where they may hold data: %s', (state) => {
    const step = plan(aView({ state: { instances: [former] }, observed: [seen(former), stray(state)] }));
    expect(step).toMatchObject({ kind: 'WAIT', until: null });
  });

  it('go all when the container is deleted', () => {
    const running = anOperation('op', 'DELETE');
    const step = plan(aView({ running, status: 'DELETING', deleteRequested: true, observed: [stray('RUNNING')] }));
    expect(step).toMatchObject({ kind: 'REMOVE_CONTAINER', instanceId: 'i9' });
  });
});

describe('after an unclean take-over', () => {
  it('names get the new fence before the operation goes on', () => {
    const step = plan(deploying(candidate, { unclean: true, observed: [seen(former, { fence: FENCE - 1 })] }));
    expect(step).toMatchObject({ kind: 'RENAME_CONTAINER', instanceId: 'i1', name: 'ls-i1-f6', newName: 'ls-i1-f7' });
  });

  it('a rename that failed sets its host apart until it is due again', () => {
    const faulty = { ...former, fault: fault('RENAME_CONTAINER', 'TRANSIENT', { retryAt: NOW + 700 }) };
    const observed = [seen(former, { fence: FENCE - 1 })];
    const step = plan(aView({ unclean: true, observed, state: { instances: [faulty], away: 'said' } }));
    expect(step).toMatchObject({ kind: 'WAIT' });
  });

  it('of two containers of an instance the running one stays', () => {
    const observed = [seen(former, { fence: 3 }), seen(former, { fence: 7, state: 'CREATED' })];
    const step = plan(aView({ unclean: true, observed, state: { instances: [former] } }));
    expect(step).toMatchObject({ kind: 'REMOVE_CONTAINER', name: 'ls-i1-f7' });
  });
});

describe('a candidate', () => {
  const there = { ...candidate, imageReady: true, createIntended: true, created: true };
  const up = { ...there, startedAt: NOW - 500, engineStartedAt: 'then' };
  const running = seen(up, { startedAt: 'then' });

  it.each([
    ['without image is pulled for', candidate, [], 'PULL_IMAGE'],
    ['with image is created', { ...candidate, imageReady: true }, [], 'CREATE_CONTAINER'],
    [
      'whose create reply was lost is started',
      { ...there, created: false },
      [seen(there, { state: 'CREATED' })],
      'START_CONTAINER',
    ],
    ['whose start reply was lost is started again, which records it', there, [seen(there)], 'START_CONTAINER'],
    ['that runs is probed', up, [running], 'PROBE_INSTANCE'],
    ['that is healthy is switched to', { ...up, healthyAt: NOW }, [running], 'SWITCH_REVISION'],
    ['that was removed by hand is created again', { ...up, healthyAt: NOW }, [], 'CREATE_CONTAINER'],
  ] as const)('%s', (_what, instance, observed, kind) => {
    expect(plan(deploying(instance, { observed: [seen(former), ...observed] })).kind).toBe(kind);
  });

  it('that exited fails with its exit code and its logs', () => {
    const exited = seen(up, { state: 'EXITED', startedAt: 'then', exitCode: 137, oomKilled: true });
    expect(plan(deploying(up, { observed: [seen(former), exited] }))).toEqual({
      kind: 'UNDO_ROLLOUT',
      logsOf: 'i2',
      failure: {
        code: 'FAILED_PRECONDITION',
        reason: 'INSTANCE_EXITED',
        message: 'the instance on h1 exited with code 137, out of memory before it was healthy',
        metadata: { step: 'HEALTHY', host: 'h1', instance: 'i2', exit_code: '137' },
      },
    });
  });

  it('is probed once at least, however late', () => {
    const late = { ...up, startedAt: NOW - 10 * POLICY.healthDeadlineMs };
    expect(plan(deploying(late, { observed: [seen(former), running] })).kind).toBe('PROBE_INSTANCE');
  });

  it('of runtime process is asked after its minimum run time', () => {
    const revisions = [aRevision('r2', { runtime: 'PROCESS', minimumRunTimeMs: 3000 })];
    const step = plan(deploying(up, { revisions, observed: [seen(former), running] }));
    expect(step).toMatchObject({ kind: 'WAIT', until: NOW - 500 + 3000 });
  });

  it.each([
    ['PERMANENT fails at once', fault('PULL_IMAGE', 'PERMANENT', { retryAt: NOW + 900 }), 'IMAGE_PULL_FAILED'],
    [
      'with a reason of its own has it',
      fault('PULL_IMAGE', 'PERMANENT', { reason: 'IMAGE_NOT_FOUND' }),
      'IMAGE_NOT_FOUND',
    ],
    [
      'TRANSIENT fails after its budget',
      fault('PULL_IMAGE', 'TRANSIENT', { firstAt: NOW - POLICY.retryBudgetMs, retryAt: NOW }),
      'IMAGE_PULL_FAILED',
    ],
  ])('with a fault that is %s', (_what, met, reason) => {
    expect(plan(deploying({ ...candidate, fault: met }))).toMatchObject({ kind: 'UNDO_ROLLOUT', failure: { reason } });
  });

  it('is tried once more after its budget, where the try that was due within it was not made', () => {
    const long = { firstAt: NOW - 2 * POLICY.retryBudgetMs, retryAt: NOW - 2 * POLICY.retryBudgetMs + 500 };
    const met = fault('PULL_IMAGE', 'TRANSIENT', long);
    expect(plan(deploying({ ...candidate, fault: met })).kind).toBe('PULL_IMAGE');
  });

  it('waits out the back-off of a transient fault, but not that of another step', () => {
    const retryAt = NOW + 900;
    const waiting = deploying({ ...candidate, fault: fault('PULL_IMAGE', 'TRANSIENT', { retryAt }) });
    expect(plan(waiting)).toMatchObject({ kind: 'WAIT', until: retryAt });
    const other = deploying({ ...candidate, fault: fault('START_CONTAINER', 'PERMANENT', { retryAt }) });
    expect(plan(other).kind).toBe('PULL_IMAGE');
  });

  it('on a host that does not answer waits, then fails and names it', () => {
    const unobserved = new Map([['h2', 'connection refused']]);
    const away = { ...candidate, host: 'h2' };
    const deadline = away.changedAt + POLICY.unreachableDeadlineMs;
    expect(plan(deploying(away, { unobserved })).kind).toBe('WAIT');
    expect(plan(deploying(away, { unobserved, now: deadline }))).toMatchObject({
      kind: 'UNDO_ROLLOUT',
      failure: { code: 'UNAVAILABLE', reason: 'HOST_UNREACHABLE', metadata: { host: 'h2' } },
    });
  });
});

describe('an instance whose port something else has', () => {
  const { port } = candidate;
  const clashed = { imageReady: true, createIntended: true, created: true, avoidPorts: [port ?? 0] };
  const refused = (count: number) => fault('START_CONTAINER', 'TRANSIENT', { reason: 'PORT_TAKEN', count });
  const table = [
    ['never ran leaves it', {}, 'CREATED', 'REMOVE_CONTAINER'],
    ['has run is tried in place', { fault: refused(2) }, 'EXITED', 'START_CONTAINER'],
    ['has run leaves it after some tries', { fault: refused(3) }, 'EXITED', 'REMOVE_CONTAINER'],
    [
      'is being removed goes on with that',
      { fault: fault('REMOVE_CONTAINER', 'TRANSIENT') },
      'EXITED',
      'REMOVE_CONTAINER',
    ],
    ['has moved removes what has the old port', { avoidPorts: [], port: 40_002 }, 'CREATED', 'REMOVE_CONTAINER'],
    ['has no container moves', {}, null, 'MOVE_PORT'],
    ['has moved is created', { avoidPorts: [port ?? 0], port: 40_002 }, null, 'CREATE_CONTAINER'],
  ] as const;

  it.each(table)('and that %s, as a candidate', (_what, part, state, kind) => {
    const instance = { ...candidate, ...clashed, ...part };
    const there = state === null ? [] : [seen(instance, { state, port })];
    expect(plan(deploying(instance, { observed: [seen(former), ...there] })).kind).toBe(kind);
  });

  it.each(table)('and that %s, as a serving one', (_what, part, state, kind) => {
    const instance = { ...candidate, ...clashed, ...part, role: 'SERVING' } as const;
    const observed = state === null ? [] : [seen(instance, { state, port })];
    expect(plan(aView({ state: { instances: [instance] }, observed })).kind).toBe(kind);
  });

  it('is taken out of the route before it leaves it', () => {
    const instance = { ...candidate, ...clashed, role: 'SERVING' } as const;
    const state = { instances: [instance], routed: [instance.id] };
    expect(plan(aView({ state, observed: [seen(instance, { state: 'CREATED' })] })).kind).toBe('PUBLISH_ROUTE');
    expect(plan(aView({ state })).kind).toBe('PUBLISH_ROUTE');
  });

  it('gives up after so many moves as a candidate, and never as a serving one', () => {
    const tried = { ...candidate, ...clashed, avoidPorts: [1, 2, 3, 4, 5, port ?? 0] };
    expect(plan(deploying(tried))).toMatchObject({
      kind: 'UNDO_ROLLOUT',
      failure: { reason: 'PORT_TAKEN', message: expect.stringContaining('the ports 1, 2, 3, 4, 5, 40001 are in use') },
    });
    expect(plan(aView({ state: { instances: [{ ...tried, role: 'SERVING' }] } })).kind).toBe('MOVE_PORT');
  });
});

describe('back to a revision that was left a moment ago', () => {
  const left = aServing('i2', { revisionId: 'r2', role: 'DRAINING', drainVersion: 5, drainDeadline: NOW + 9000 });
  const running = anOperation('op', 'ROLLBACK', { revisionId: 'r2' });
  const planned = (instance: typeof left, state: HostedInstance['state'], parts: ViewParts = {}) =>
    plan(deploying(instance, { running, observed: [seen(former), seen(instance, { state })], ...parts }, aRollout()));

  it.each([
    ['drains and runs', left, 'RUNNING'],
    ['was stopped and has its devices still', { ...left, startedAt: null }, 'EXITED'],
    ['is retained and has its devices still', { ...left, role: 'RETAINED' }, 'EXITED'],
  ] as const)('its instance that %s is the candidate', (_what, instance, state) => {
    expect(planned(instance, state)).toEqual({ kind: 'RECALL_INSTANCE', instanceId: 'i2' });
  });

  it('one that runs comes before a newer one that does not', () => {
    const newer = aServing('i3', { revisionId: 'r2', role: 'RETAINED', changedAt: NOW });
    const view = deploying(left, { running }, aRollout());
    const state = { ...view.state, instances: [newer, ...view.state.instances] };
    const observed = [seen(former), seen(left), seen(newer, { state: 'EXITED' })];
    expect(plan({ ...view, state, observed })).toMatchObject({ kind: 'RECALL_INSTANCE', instanceId: 'i2' });
  });

  it('one that has given its devices up already is placed again', () => {
    const step = planned({ ...left, leased: false }, 'EXITED');
    expect(step).toMatchObject({ kind: 'PLACE_INSTANCE', retainedInstanceId: 'i2' });
  });

  it.each([
    ['is of another revision', { ...left, revisionId: 'r1' }, 'RUNNING', {}],
    ['is paused', left, 'PAUSED', {}],
    ['is not wanted', { ...left, role: 'DISCARDED' }, 'RUNNING', {}],
    [
      'is on a host that does not answer',
      { ...left, host: 'h2' },
      'RUNNING',
      { unobserved: new Map([['h2', 'timeout']]) },
    ],
  ] as const)('one that %s is left alone', (_what, instance, state, parts) => {
    expect(planned(instance, state, parts)).toMatchObject({ kind: 'PLACE_INSTANCE', retainedInstanceId: null });
  });
});

describe('while an operation can only wait', () => {
  const blocked = aRollout({ blocked: { message: 'h1 is full', retryAt: NOW + 800, capacityVersion: 1 } });
  const state = { instances: [former], rollout: blocked, activeRevisionId: 'r1' };
  const progress = { step: 'PLACE', percent: 5, bytesDone: 0, bytesTotal: 0, rolloutOrder: null, message: '' } as const;
  const running = { ...deploy, progress };

  it('steady state goes on', () => {
    const dead = seen(former, { state: 'EXITED', exitCode: 1 });
    expect(plan(aView({ running, state, observed: [dead] })).kind).toBe('NOTE_EXIT');
  });

  it('the earliest wait counts, and the operation says what it waits for', () => {
    expect(plan(aView({ running, state, observed: [seen(former)] }))).toEqual({
      kind: 'WAIT',
      until: NOW + 800,
      reason: 'h1 is full',
      progress: { ...progress, message: 'h1 is full' },
    });
  });

  it('it goes on at once where room has come free since', () => {
    const step = plan(aView({ running, state, observed: [seen(former)], capacityVersion: 2 }));
    expect(step).toMatchObject({ kind: 'PLACE_INSTANCE', revisionId: 'r2' });
  });
});

describe('the switch', () => {
  const switched = aRollout({ order: 'START_FIRST', switchedVersion: 12 });

  it.each([
    ['no ingress lives', [], 'COMPLETE_OPERATION'],
    ['each has applied it', [ingress(12), ingress(15)], 'COMPLETE_OPERATION'],
    ['one has not applied it', [ingress(12), ingress(11)], 'WAIT'],
  ])('is done where %s', (_what, ingresses, kind) => {
    const instances = [aServing('i2', { revisionId: 'r2' })];
    const view = aView({
      running: deploy,
      state: { instances, rollout: switched },
      observed: instances.map((i) => seen(i)),
    });
    expect(plan({ ...view, ingresses }).kind).toBe(kind);
  });
});

describe('a draining instance', () => {
  const draining = aServing('i1', { role: 'DRAINING', drainVersion: 12, drainDeadline: NOW + 9000 });
  const view = (instance = draining, parts: ViewParts = {}) =>
    aView({ state: { instances: [instance] }, observed: [seen(instance)], ...parts });

  it.each([
    ['an ingress has an older route', [ingress(11)], 'WAIT'],
    ['an ingress holds connections to it', [ingress(12, 'i1')], 'WAIT'],
    ['connections are left to others only', [ingress(12, 'i7')], 'STOP_CONTAINER'],
  ])('%s', (_what, ingresses, kind) => {
    expect(plan(view(draining, { ingresses })).kind).toBe(kind);
  });

  it('is stopped at its deadline', () => {
    expect(plan(view({ ...draining, drainDeadline: NOW }, { ingresses: [ingress(1, 'i1')] })).kind).toBe(
      'STOP_CONTAINER',
    );
  });

  it('gives its devices up only when it is confirmed down', () => {
    const states = ['EXITED', 'CREATED', 'DEAD', 'PAUSED', 'REMOVING'] as const;
    const kinds = states.map((state) => plan(view(draining, { observed: [seen(draining, { state })] })).kind);
    expect(kinds).toEqual(['FREE_DEVICES', 'FREE_DEVICES', 'FREE_DEVICES', 'STOP_CONTAINER', 'WAIT']);
  });

  describe('that is to be kept for a while after it has drained', () => {
    const policy = { ...POLICY, keepDrainingMs: 60_000 };
    const until = draining.changedAt + 60_000;
    const withGpu = { ...draining, gpuUuids: ['g1'] };
    const successor = aServing('i2', { revisionId: 'r2', changedAt: draining.changedAt });
    const later = aServing('i3', { role: 'DRAINING', drainVersion: 13, changedAt: draining.changedAt + 1 });

    it.each([
      ['stays up', draining, {}, until],
      ['is looked at now and then where it has GPUs', withGpu, {}, NOW + 5_000],
      ['finishes its requests first', draining, { ingresses: [ingress(12, 'i1')] }, NOW + 1_000],
      ['stays while others wait for room that it does not take', draining, { capacityWanted: true }, until],
    ])('%s', (_what, instance, parts, due) => {
      expect(plan(view(instance, { policy, ...parts }))).toMatchObject({ kind: 'WAIT', until: due });
    });

    it.each([
      ['at the end of that time', draining, { now: until }],
      ['where it serves no requests', { ...draining, port: null }, {}],
      ['where somebody waits for its GPUs', withGpu, { capacityWanted: true }],
      ['where its container is to go', draining, { status: 'DELETING' as const }],
    ])('is stopped %s', (_what, instance, parts) => {
      const step = plan(view(instance, { policy, ...parts }));
      expect(step).toMatchObject({ kind: 'STOP_CONTAINER', instanceId: 'i1' });
    });

    it('is stopped when a later one is kept', () => {
      const instances = [draining, later, successor];
      const observed = instances.map((instance) => seen(instance));
      expect(plan(aView({ policy, state: { instances }, observed }))).toMatchObject({
        kind: 'STOP_CONTAINER',
        instanceId: 'i1',
      });
    });

    it.each([
      ['without GPUs leaves the next deploy alone', draining, 'RUNNING', 'PLACE_INSTANCE'],
      ['with GPUs is stopped before the next deploy looks for room', withGpu, 'RUNNING', 'STOP_CONTAINER'],
      ['with GPUs gives them up before', withGpu, 'EXITED', 'FREE_DEVICES'],
      [
        'with GPUs on a host that does not answer is not waited for',
        { ...withGpu, host: 'h2' },
        null,
        'PLACE_INSTANCE',
      ],
    ] as const)('%s', (_what, instance, state, kind) => {
      const serving = [seen(successor), ...(state === null ? [] : [seen(instance, { state })])];
      const parts = { policy, observed: serving, unobserved: new Map(state === null ? [['h2', 'timeout']] : []) };
      const running = anOperation('op', 'DEPLOY', { revisionId: 'r3' });
      const rollout = aRollout({ revisionId: 'r3', formerRevisionId: 'r2' });
      const revisions = ['r1', 'r2', 'r3'].map((id) => aRevision(id));
      const instances = [instance, successor];
      const step = plan(aView({ ...parts, running, revisions, state: { instances, rollout, activeRevisionId: 'r2' } }));
      expect(step.kind).toBe(kind);
    });
  });

  it('on a host that does not answer keeps its devices', () => {
    const unobserved = new Map([['h1', 'timeout']]);
    expect(plan(view(draining, { unobserved, observed: [] }))).toMatchObject({ kind: 'WAIT' });
  });
});

describe('a serving instance without leases', () => {
  const ill = { ...former, leased: false, startedAt: null, healthyAt: null };
  const left = aRetained('i2', { role: 'DISCARDED', leased: true });
  const view = (state: 'RUNNING' | 'EXITED') =>
    aView({ state: { instances: [ill, left] }, observed: [seen(ill, { state: 'EXITED' }), seen(left, { state })] });

  it('takes them back from the candidate that still has them, once that is down', () => {
    expect(plan(view('RUNNING'))).toMatchObject({ kind: 'STOP_CONTAINER', instanceId: 'i2' });
    expect(plan(view('EXITED'))).toEqual({ kind: 'TAKE_DEVICES_BACK', fromInstanceId: 'i2', toInstanceId: 'i1' });
  });
});

describe('a serving instance whose GPU is gone', () => {
  const down = { ...former, startedAt: null, healthyAt: null, changedAt: NOW - 60_000 };
  const gone = fault('START_CONTAINER', 'PERMANENT', { reason: 'GPU_GONE' });
  const planned = (part: Partial<typeof down>, parts: ViewParts = {}) => {
    const instance = { ...down, ...part };
    const away = parts.unobserved === undefined ? {} : { away: 'said' };
    return plan(
      aView({ observed: [seen(instance, { state: 'EXITED' })], ...parts, state: { instances: [instance], ...away } }),
    );
  };

  it('is started in place a few times, in case its driver is only being loaded, and then moved', () => {
    expect(planned({ fault: gone, restarts: 2 }).kind).toBe('START_CONTAINER');
    expect(planned({ fault: gone, restarts: 3 })).toEqual({ kind: 'MOVE_INSTANCE', instanceId: 'i1' });
  });

  it('is left where it is while a rollout is about to replace it', () => {
    const instance = { ...down, fault: gone, restarts: 3 };
    const state = { instances: [instance], rollout: aRollout(), activeRevisionId: 'r1' };
    const blocked = aView({ running: deploy, observed: [seen(instance, { state: 'EXITED' })], state });
    expect(plan(blocked).kind).not.toBe('MOVE_INSTANCE');
  });

  it('waits where no host had room for it, and is tried in place again then', () => {
    const full = (retryAt: number) => fault('MOVE_INSTANCE', 'TRANSIENT', { reason: 'GPU_GONE', retryAt });
    expect(planned({ fault: full(NOW + 700) })).toMatchObject({ kind: 'WAIT', until: NOW + 700 });
    expect(planned({ fault: full(NOW) }).kind).toBe('START_CONTAINER');
  });

  it('is left at once where its host is lost as well, and one that was to leave a lost host starts when that is back', () => {
    const noGpu = fault('MOVE_INSTANCE', 'TRANSIENT', { reason: 'GPU_GONE', retryAt: NOW + 700 });
    const silent = { observed: [], unobserved: new Map([[down.host, 'silence']]), lost: new Set([down.host]) };
    const policy = { ...POLICY, moveFromLost: true };
    expect(planned({ fault: noGpu }, { ...silent, policy }).kind).toBe('MOVE_INSTANCE');
    const noHost = fault('MOVE_INSTANCE', 'TRANSIENT', { retryAt: NOW + 700 });
    expect(planned({ fault: noHost }, { ...silent, policy })).toMatchObject({ kind: 'WAIT', until: NOW + 700 });
    expect(planned({ fault: noHost }).kind).toBe('START_CONTAINER');
  });

  it('is not moved where it may run unseen', () => {
    expect(planned({ fault: gone, restarts: 3, unseen: 'it may run' }).kind).toBe('START_CONTAINER');
  });
});

describe('a serving instance whose host does not answer', () => {
  const silent = { observed: [], unobserved: new Map([['h1', 'silence']]) };
  const planned = (parts: ViewParts, away?: string) =>
    plan(aView({ ...parts, state: { instances: [former], routed: ['i1'], away } }));

  it('is told of when that is lost, once, until it is seen again', () => {
    const lost = { ...silent, lost: new Set(['h1']) };
    expect(planned(silent).kind).toBe('WAIT');
    expect(planned(lost)).toEqual({
      kind: 'NOTE_AWAY',
      away: 'host h1 cannot be reached, so that nothing is known of the instance there: silence',
    });
    expect(planned(lost, 'said').kind).toBe('WAIT');
    expect(planned(silent, 'said').kind).toBe('WAIT');
    expect(planned({ observed: [seen(former)] }, 'said')).toEqual({ kind: 'NOTE_AWAY', away: null });
  });
});

describe('what was left without an operation', () => {
  it.each([
    ['CANDIDATE', 'DISCARDED'],
    ['HELD', 'SERVING'],
  ] as const)('%s becomes %s', (role, next) => {
    const instance = aServing('i1', { role });
    const step = plan(aView({ state: { instances: [instance] }, observed: [seen(instance)] }));
    expect(step).toMatchObject({ kind: 'SET_ROLE', role: next });
  });

  it.each([
    ['has stopped, is discarded', 'EXITED', 'SET_ROLE'],
    ['still runs, is left until the Delete is repeated', 'RUNNING', 'WAIT'],
    ['may run unseen, is left too', 'UNSEEN', 'WAIT'],
  ] as const)('of a Delete that failed, and %s', (_what, state, kind) => {
    const instance = aServing('i1', { unseen: state === 'UNSEEN' ? 'it may run' : null });
    const observed = [seen(instance, { state: state === 'UNSEEN' ? 'EXITED' : state })];
    const left = { status: 'DELETING' as const, state: { instances: [instance], routed: ['i1'] }, observed };
    expect(plan(aView(left))).toMatchObject(kind === 'WAIT' ? { kind } : { kind, instanceId: 'i1', role: 'DISCARDED' });
  });

  it('is said where the state knows of no rollout', () => {
    expect(plan(aView({ running: deploy })).kind).toBe('HALT');
  });
});
