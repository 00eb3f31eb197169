import { LeaseLostError } from '../../../src/store/work.js';
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

  const start = (container: KeyWork, width = 8): void => {
    const host: KeyWork = () => Promise.resolve(IDLE);
    worker = new Worker({ queue, work: { container, host }, log: silent, metrics, leaseTtlMs: 15_000, width });
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
    expect(queue.released[0]).toMatchObject({ clean: false });
    expect(metrics.failures()).toBe(1);
  });

  test('a lost lease is not given back: it is somebody else’s', async () => {
    start(({ lease }) => Promise.reject(new LeaseLostError(lease.key)));
    queue.put('container/a');
    await until('it was counted', () => metrics.lost() === 1);
    expect(queue.released).toEqual([]);
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

  test('what is still under way at the deadline of a stop is cut, and its lease lapses', async () => {
    start(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    queue.put('container/a');
    await until('it is in hand', () => worker.busy === 1);
    await worker.stop(10);
    expect(queue.released).toEqual([]);
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
