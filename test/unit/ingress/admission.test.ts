import type { Route } from '../../../src/domain/route.js';
import { type Admission, createAdmission } from '../../../src/ingress/admission.js';
import { createDrain } from '../../../src/ingress/drain.js';
import { createHold } from '../../../src/ingress/hold.js';

const NONE: ReadonlySet<string> = new Set();
const never = new AbortController().signal;

function serving(instances: string[], concurrency = 0, state: Route['state'] = 'SERVING'): Route {
  const targets = instances.map((instanceId) => ({ instanceId, address: '10.0.0.1', port: 40000 }));
  return { containerId: 'a', version: 1, state, revisionId: 'bbr1', targets, concurrency, executionTimeoutMs: 1000 };
}

function setUp(initial: Route | null, { queueLimit = 10, holdLimit = 10, holdMs = 60_000 } = {}) {
  let route = initial;
  let waking: Promise<void> | null = null;
  const idle: string[] = [];
  const leadsTo = (_containerId: string, id: string) =>
    route?.targets.some((target) => target.instanceId === id) ?? false;
  const drain = createDrain({
    leadsTo,
    onIdle: (_containerId, instanceId) => void idle.push(instanceId),
    onRelease: (id) => admission.released(id),
  });
  const hold = createHold({ maxRequests: holdLimit, maxWaitMs: holdMs }, () => performance.now());
  const admission: Admission = createAdmission({
    lookup: () => route,
    waking: () => waking,
    drain,
    hold,
    queueLimit,
    now: () => performance.now(),
  });
  return {
    admission,
    drain,
    idle,
    sleep(until: Promise<void> | null) {
      waking = until;
    },
    change(next: Route | null) {
      route = next;
      admission.routeChanged('a');
    },
  };
}

test('requests spread over the least used instances', () => {
  const { admission, drain } = setUp(serving(['i1', 'i2']));
  for (let count = 0; count < 4; count += 1) admission.now('a', NONE);
  expect([drain.inFlight('i1'), drain.inFlight('i2')]).toEqual([2, 2]);
});

test('beyond the concurrency requests wait, are served in their order, and newcomers go behind them', async () => {
  const { admission } = setUp(serving(['i1'], 1));
  const first = admission.now('a', NONE);
  const order: string[] = [];
  const second = admission.later('a', NONE, never).then((admitted) => {
    order.push('second');
    return admitted;
  });
  const third = admission.later('a', NONE, never).then(() => order.push('third'));
  first?.release();
  expect(admission.now('a', NONE)).toBeNull();
  (await second).release();
  await third;
  expect(order).toEqual(['second', 'third']);
});

test('a full line answers 429', async () => {
  const { admission } = setUp(serving(['i1'], 1), { queueLimit: 1 });
  admission.now('a', NONE);
  const waiting = admission.later('a', NONE, never);
  await expect(admission.later('a', NONE, never)).rejects.toMatchObject({ status: 429 });
  expect(admission.queued('a')).toBe(1);
  void waiting;
});

test('who leaves the line makes room and gets nothing', async () => {
  const { admission } = setUp(serving(['i1'], 1), { queueLimit: 1 });
  admission.now('a', NONE);
  const caller = new AbortController();
  const waiting = admission.later('a', NONE, caller.signal);
  caller.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  expect(admission.queued('a')).toBe(0);
});

test('a wait for a busy instance ends on the new instance when the route changes', async () => {
  const { admission, change } = setUp(serving(['i1'], 1));
  admission.now('a', NONE);
  const waiting = admission.later('a', NONE, never);
  change(serving(['i2'], 1));
  expect((await waiting).target.instanceId).toBe('i2');
});

test('a held route is waited for, with no more than its limit, and is followed by its concurrency', async () => {
  const { admission, change, drain } = setUp(serving(['i1'], 1, 'HELD'), { holdLimit: 2 });
  expect(admission.now('a', NONE)).toBeNull();
  const first = admission.later('a', NONE, never);
  const second = admission.later('a', NONE, never);
  await expect(admission.later('a', NONE, never)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 5 });
  change(serving(['i2'], 1));
  const admitted = await first;
  expect(drain.inFlight('i2')).toBe(1);
  admitted.release();
  expect((await second).target.instanceId).toBe('i2');
});

test('a hold that is too long answers 503', async () => {
  const { admission } = setUp(serving([], 0, 'HELD'), { holdMs: 1 });
  await expect(admission.later('a', NONE, never)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 5 });
});

test.each([
  ['stands in the line', serving(['i1'], 1)],
  ['is held', serving(['i1'], 1, 'HELD')],
])('who %s when the container is stopped is refused', async (_where, route) => {
  const { admission, change } = setUp(route);
  if (route.state === 'SERVING') admission.now('a', NONE);
  const waiting = admission.later('a', NONE, never);
  change(serving([], 0, 'STOPPED'));
  await expect(waiting).rejects.toMatchObject({ status: 503, message: 'the container has been stopped' });
});

test.each([
  ['no route', null, 404],
  ['nothing deployed', { ...serving([], 0, 'EMPTY'), revisionId: null }, 503],
  ['no HTTP', serving([], 0, 'EMPTY'), 404],
  ['stopped', serving([], 0, 'STOPPED'), 503],
  ['no instance', serving([]), 503],
])('%s is refused', (_name, route, status) => {
  const { admission } = setUp(route);
  expect(() => admission.now('a', NONE)).toThrow(expect.objectContaining({ status }));
});

test('an instance that could not be reached is not tried again, and when all were tried the answer is 502', () => {
  const { admission } = setUp(serving(['i1', 'i2']));
  expect(admission.now('a', new Set(['i1']))?.target.instanceId).toBe('i2');
  expect(() => admission.now('a', new Set(['i1', 'i2']))).toThrow(expect.objectContaining({ status: 502 }));
});

test('an instance outside the table is busy until its last request ends, and that is told once', () => {
  const { admission, change, drain, idle } = setUp(serving(['i1']));
  const one = admission.now('a', NONE);
  const two = admission.now('a', NONE);
  expect(drain.busyInstances()).toEqual([]);
  change(serving(['i2']));
  expect(drain.busyInstances()).toEqual(['i1']);
  one?.release();
  one?.release();
  expect(drain.busyInstances()).toEqual(['i1']);
  expect(idle).toEqual([]);
  two?.release();
  expect(drain.busyInstances()).toEqual([]);
  expect(idle).toEqual(['i1']);
});

test('who was frozen admits nobody to where its routes led, until it knows the present ones', async () => {
  const { admission, drain, change, sleep } = setUp(serving(['gone']));
  let wake = () => undefined as void;
  sleep(
    new Promise<void>((resolve) => {
      wake = resolve;
    }),
  );
  expect(admission.now('a', NONE)).toBeNull();
  const waiting = admission.later('a', NONE, never);
  await new Promise(setImmediate);
  change(serving(['present']));
  sleep(null);
  wake();
  expect((await waiting).target.instanceId).toBe('present');
  expect(drain.inFlight('gone')).toBe(0);
});
