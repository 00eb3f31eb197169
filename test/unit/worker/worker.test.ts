import { unavailable } from '../../../src/domain/errors.js';
import { LeaseLostError, type WorkKey } from '../../../src/store/work.js';
import { type KeyWork, Worker, type WorkerMetrics } from '../../../src/worker/worker.js';
import { createMemoryQueue, type MemoryQueue } from '../../support/memory-queue.js';
import { until } from '../../support/until.js';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const IDLE = { delayMs: null, clean: true };

function counted(): WorkerMetrics & { readonly lost: () => number; readonly failures: () => number } {
  let lost = 0;
  let failures = 0;
  return {
    operationEnded: () => {},
    stepRetried: () => {},
    leaseLost: () => void (lost += 1),
    workFailed: () => void (failures += 1),
    lost: () => lost,
    failures: () => failures,
  };
}

describe('a worker', () => {
  let queue: MemoryQueue;
  let worker: Worker;
  const metrics = counted();

  const start = (container: KeyWork, width = 8, slowMs = 5_000): void => {
    const host: KeyWork = () => Promise.resolve(IDLE);
    worker = new Worker({ queue, work: { container, host }, log: silent, metrics, leaseTtlMs: 15_000, width, slowMs });
    worker.start();
  };

  beforeEach(() => {
    queue = createMemoryQueue();
  });

  afterEach(() => worker.stop(5_000));

  test('works what is due and gives it back as the work says', async () => {
    start(() => Promise.resolve({ delayMs: 700, clean: false }));
    queue.put('container/a');
    await until('it was given back', () => queue.released.length === 1);
    expect(queue.released).toEqual([{ key: 'container/a', delayMs: 700, clean: false }]);
  });

  test('a key that takes long holds up no other, and no more keys than its width are in hand', async () => {
    const began: string[] = [];
    let letGo = (): void => {};
    const slow = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    start(async ({ lease }) => {
      began.push(lease.key);
      if (lease.key !== 'container/quick') await slow;
      return IDLE;
    }, 2);
    queue.put('container/slow');
    queue.put('container/quick');
    queue.put('container/slow-too');
    await until('the quick one ended', () => queue.released.some(({ key }) => key === 'container/quick'));
    queue.put('container/waits');
    await until('the third one began', () => began.includes('container/slow-too'));
    expect(began).not.toContain('container/waits');
    letGo();
    await until('all ended', () => queue.released.length === 4);
  });

  test('keys that wait for an engine that hangs leave their hands to others after a while, but not without end', async () => {
    const began: string[] = [];
    let letGo = (): void => {};
    const hang = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    start(
      async ({ lease }) => {
        began.push(lease.key);
        await hang;
        return IDLE;
      },
      2,
      20,
    );
    for (let count = 0; count < 12; count += 1) queue.put(`container/${count}`);
    await until('four times the width are in hand', () => began.length === 8);
    queue.put('container/late');
    await until('another hint was heard', () => worker.busy === 8);
    letGo();
    await until('all ended', () => queue.released.length === 13);
  });

  test('a key that is in hand again before it is known to have been given back hears of what happens to it', async () => {
    const given = queue;
    let runs = 0;
    let woken = false;
    const release: MemoryQueue['release'] = async (lease, next) => {
      await given.release(lease, next);
      if (runs > 1) return;
      given.put('container/a');
      await until('it is in hand again', () => runs === 2);
    };
    queue = { ...given, release };
    start(async (_held, hints) => {
      runs += 1;
      if (runs === 1) return IDLE;
      await hints.sleep(60_000, new AbortController().signal);
      woken = true;
      return IDLE;
    });
    queue.put('container/a');
    await until('only the second holding is left', () => runs === 2 && worker.busy === 1);
    given.hint('container/a');
    await until('it hears', () => woken, 5_000);
    expect(runs).toBe(2);
  });

  test('work that throws is tried again, and its outcome counts as unknown', async () => {
    start(() => Promise.reject(new Error('a defect')));
    queue.put('container/a');
    await until('it was given back', () => queue.released.length === 1);
    expect(queue.released[0]).toMatchObject({ clean: false, failed: 'a defect' });
    expect(metrics.failures()).toBe(1);
  });

  test('why it threw is said in one line without passwords', async () => {
    const url = `redis://user:${'secret'}@host`;
    start(() => Promise.reject(new TypeError(`no answer from ${url}\nand more`)));
    queue.put('container/a');
    await until('it was given back', () => queue.released.length === 1);
    expect(queue.released[0]?.failed).toBe('TypeError: no answer from redis://***@host');
  });

  test.each([
    ['a lost lease', (key: WorkKey) => new LeaseLostError(key)],
    ['Redis that is away', () => unavailable('STORE_UNAVAILABLE', 'Redis does not answer')],
  ])('%s tells nothing about the work, and is no death either', async (_name, errorOf) => {
    start(({ lease }) => Promise.reject(errorOf(lease.key)));
    const failures = metrics.failures();
    queue.put('container/a');
    await until('it was given back', () => queue.released.length === 1);
    expect(queue.released[0]).toMatchObject({ clean: false, tried: false });
    expect(queue.released[0]?.failed).toBeUndefined();
    expect(metrics.failures()).toBe(failures);
  });

  test('what could not be said of a key is said before anything is taken again', async () => {
    const calls: string[] = [];
    const given = queue;
    let away = true;
    queue = {
      ...given,
      take: (...args) => {
        calls.push('take');
        return given.take(...args);
      },
      release: (lease, how) => {
        if (away) return Promise.reject(new Error('away'));
        calls.push(`release ${lease.key}`);
        return given.release(lease, how);
      },
    };
    start(() => Promise.reject(new Error('a defect')));
    given.put('container/a');
    await until('it failed', () => metrics.failures() > 0 && worker.busy === 0);
    away = false;
    calls.length = 0;
    given.put('container/b');
    await until('it was said', () => given.released.length > 0);
    expect(calls[0]).toBe('release container/a');
    expect(given.released[0]).toMatchObject({ key: 'container/a', failed: 'a defect' });
  });

  test('of the keys that may have killed their holders one is in hand at a time', async () => {
    const keys = ['container/a', 'container/b'] as const;
    for (const key of keys) queue.put(key);
    for (let lapses = 0; lapses < 2; lapses += 1)
      await until('both are to be had', async () => (await queue.take(2, 1)).length === 2);
    const began: string[] = [];
    let letGo = (): void => {};
    start(async ({ lease }) => {
      began.push(lease.key);
      if (began.length === 1) await new Promise<void>((resolve) => (letGo = resolve));
      return IDLE;
    });
    await until('one is in hand', () => began.length === 1);
    queue.put('container/c');
    await until('another one was worked', () => began.includes('container/c'));
    expect(began).toHaveLength(2);
    letGo();
    await until('the second suspect has its turn', () => began.length === 3);
    expect([began[0], began[2]].sort()).toEqual(keys);
  });

  test('sleep ends at a hint, also at one that came before it began', async () => {
    let naps = 0;
    start(async ({ signal }, hints) => {
      await new Promise((resolve) => setImmediate(resolve));
      await hints.sleep(60_000, signal);
      naps += 1;
      return IDLE;
    });
    queue.put('container/a');
    await until('it is in hand', () => worker.busy === 1);
    queue.hint('container/a');
    await until('it woke', () => naps === 1);
  });

  test('stopping wakes who sleeps, waits for what is in hand and takes nothing more', async () => {
    const drained: boolean[] = [];
    start(async ({ signal }, hints) => {
      await hints.sleep(60_000, signal);
      drained.push(hints.draining());
      return { delayMs: 0, clean: true };
    });
    queue.put('container/a');
    await until('it is in hand', () => worker.busy === 1);
    await worker.stop(5_000);
    queue.put('container/b');
    expect(drained).toEqual([true]);
    expect(queue.released).toHaveLength(1);
  });

  test('what is still under way at the deadline of a stop is cut, and given back for the next holder to take over', async () => {
    start(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    queue.put('container/a');
    await until('it is in hand', () => worker.busy === 1);
    await worker.stop(10);
    expect(queue.released).toEqual([{ key: 'container/a', delayMs: 1_000, clean: false, tried: false }]);
  });

  test('goes on when the queue could not be asked', async () => {
    queue.fail(new Error('away'));
    start(() => Promise.resolve(IDLE));
    queue.put('container/a');
    queue.fail(null);
    await until('it was worked', () => queue.released.length === 1);
    expect(queue.released[0]?.key).toBe('container/a');
  });
});
