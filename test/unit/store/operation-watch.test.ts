import { DomainError, unavailable } from '../../../src/domain/errors.js';
import type { Operation } from '../../../src/domain/operation.js';
import { createKeys } from '../../../src/store/keys.js';
import { createRedisOperationWatch } from '../../../src/store/redis-operation-watch.js';
import { until } from '../../support/until.js';

const operation = (id: string, state: Operation['state']): Operation => ({
  ...{ id, kind: 'CREATE', folderId: 'default', containerId: 'c', revisionId: null, createdBy: 'anonymous' },
  ...{ createdAt: 0, modifiedAt: 0, state, progress: null, result: null, cancelRequested: false },
});

function setUp(sweepMs = 60_000) {
  const states = new Map<string, Operation['state']>();
  const reads: string[] = [];
  const most = { now: 0, ever: 0 };
  let down = false;
  let ring = (_id: string) => {};
  const read = async (id: string) => {
    reads.push(id);
    most.now += 1;
    most.ever = Math.max(most.ever, most.now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    most.now -= 1;
    if (down) throw unavailable('STORE_UNAVAILABLE', 'Redis does not answer');
    const state = states.get(id);
    return state === undefined ? null : operation(id, state);
  };
  const sweeps: (readonly string[])[] = [];
  const ended = async (ids: readonly string[]) => {
    sweeps.push(ids);
    if (down) throw unavailable('STORE_UNAVAILABLE', 'Redis does not answer');
    return ids.filter((id) => states.get(id) === 'DONE' || !states.has(id));
  };
  const subscriber = {
    on: (_channel: string, listener: (id: string) => void) => {
      ring = listener;
      return () => {};
    },
    onReconnect: () => () => {},
    close: async () => {},
  };
  const watch = createRedisOperationWatch({ read, ended, subscriber, keys: createKeys(), sweepMs });
  const wait = (id: string, ms = 60_000, signal = new AbortController().signal) => watch.wait(id, ms, signal);
  const end = (id: string) => {
    states.set(id, 'DONE');
    ring(id);
  };
  const setDown = (value: boolean) => {
    down = value;
  };
  return { states, reads, sweeps, most, wait, end, setDown };
}

const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('waits on operations', () => {
  test('a thousand on one operation read it once at their start and once at its end', async () => {
    const { states, reads, most, wait, end } = setUp();
    states.set('a', 'QUEUED');
    const waits = times(1_000, () => wait('a'));
    await until('it was read', () => reads.length > 0 && most.now === 0);
    end('a');
    const ended = await Promise.all(waits);
    expect(ended.every((one) => one?.state === 'DONE')).toBe(true);
    expect(reads).toHaveLength(2);
  });

  test('on a thousand operations read them a few hundred at a time', async () => {
    const { states, reads, most, wait } = setUp();
    for (const id of times(1_000, String)) states.set(id, 'DONE');
    await Promise.all(times(1_000, (index) => wait(String(index))));
    expect(reads).toHaveLength(1_000);
    expect(most.ever).toBeLessThanOrEqual(256);
  });

  test('one that comes while a reading is under way does not take that one for its own', async () => {
    const { states, reads, wait } = setUp();
    states.set('a', 'QUEUED');
    const first = wait('a', 0);
    await until('the reading began', () => reads.length === 1);
    const second = wait('a', 0);
    await Promise.all([first, second]);
    expect(reads).toHaveLength(2);
  });

  test('outlive readings that fail, and end UNAVAILABLE only if none succeeded', async () => {
    const { states, reads, wait, setDown, end } = setUp(20);
    states.set('a', 'QUEUED');
    setDown(true);
    const survivor = wait('a');
    await expect(wait('a', 50)).rejects.toThrow(DomainError);
    setDown(false);
    const informed = wait('a', 200);
    const before = reads.length;
    await until('it was read well', () => reads.length > before + 1);
    setDown(true);
    expect(await informed).toMatchObject({ state: 'QUEUED' });
    setDown(false);
    end('a');
    expect(await survivor).toMatchObject({ state: 'DONE' });
  });

  test('whose message is lost are found by a sweep, a few dozen at a time, and nobody reads again by himself', async () => {
    const { states, reads, sweeps, wait, setDown } = setUp(100);
    for (const id of times(200, String)) states.set(id, 'QUEUED');
    const waits = times(200, (index) => wait(String(index)));
    await until('a sweep found nothing', () => sweeps.length >= 4);
    expect(reads).toHaveLength(200);
    expect(Math.max(...sweeps.map(({ length }) => length))).toBeLessThanOrEqual(64);
    setDown(true);
    const failed = sweeps.length;
    await until('a sweep failed', () => sweeps.length >= failed + 4);
    for (const id of times(200, String)) states.set(id, 'DONE');
    setDown(false);
    const found = await Promise.all(waits);
    expect(found.every((one) => one?.state === 'DONE')).toBe(true);
    expect(reads).toHaveLength(400);
    const over = sweeps.length;
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(sweeps).toHaveLength(over);
  });

  test('end with their signal though the reading is not over', async () => {
    const { wait } = setUp();
    const abort = new AbortController();
    const waiting = wait('a', 60_000, abort.signal);
    abort.abort(new Error('the caller left'));
    await expect(waiting).rejects.toThrow('the caller left');
  });
});
