import type { WorkKey, WorkQueue } from '../../../src/store/work.js';
import { until } from '../until.js';

/** What a work queue promises by itself. `open` gives two users of one queue, which is empty before each test. */
export function queueContract(open: () => readonly [WorkQueue, WorkQueue]): void {
  let queue: WorkQueue;
  let other: WorkQueue;
  beforeEach(() => {
    [queue, other] = open();
  });

  const KEY = 'host/a';
  const lease = async (key: WorkKey) => {
    await queue.enqueue(key, 0);
    const [held] = await queue.take(1, 60_000);
    if (held?.key !== key) throw new Error(`${key} is not to be had`);
    return held;
  };

  test('a key is leased to one, oldest due first, and fences only grow', async () => {
    await queue.enqueue(KEY, 0);
    await until('time has passed', async () => (await queue.backlog()).oldestMs > 1);
    await queue.enqueue('container/b', 0);
    expect(await other.backlog()).toMatchObject({ keys: 2 });
    const one = await queue.take(1, 60_000);
    const [two, three] = await Promise.all([queue.take(5, 60_000), other.take(5, 60_000)]);
    expect(one[0]?.key).toBe(KEY);
    const rest = [...two, ...three];
    expect(rest.map(({ key }) => key)).toEqual(['container/b']);
    expect(rest[0]?.fence).toBeGreaterThan(one[0]?.fence ?? Number.POSITIVE_INFINITY);
    expect(rest[0]?.unclean).toBe(false);
    expect(await other.backlog()).toEqual({ keys: 0, oldestMs: 0 });
  });

  test('a lapsed lease goes to another, unclean, and its holder can neither keep nor give it back', async () => {
    await queue.enqueue(KEY, 0);
    const [lost] = await queue.take(1, 1);
    if (lost === undefined) throw new Error('it was not due');
    const taken = await until('the lease lapses', async () => (await other.take(1, 60_000))[0]);
    expect(taken).toMatchObject({ key: lost.key, unclean: true });
    expect(taken.fence).toBeGreaterThan(lost.fence);
    expect(await queue.renew([lost], 60_000)).toEqual([lost.key]);
    await queue.release(lost, { delayMs: 0, clean: true });
    expect(await other.renew([taken], 60_000)).toEqual([]);
    expect(await queue.take(5, 60_000)).toEqual([]);
  });

  test('a lease lasts for as long as it is renewed', async () => {
    await queue.enqueue(KEY, 0);
    const leases = await queue.take(1, 1_000);
    expect(await queue.renew(leases, 3_600_000)).toEqual([]);
    expect(await queue.nextDue()).toBeGreaterThan(1_800_000);
    expect(await queue.renew([], 60_000)).toEqual([]);
  });

  test('a key stays unclean until a holder gives it back clean', async () => {
    const flags: boolean[] = [];
    for (const clean of [false, false, true, true]) {
      const held = await lease(KEY);
      flags.push(held.unclean);
      await queue.release(held, { delayMs: null, clean });
    }
    expect(flags).toEqual([false, true, true, false]);
    expect(await queue.nextDue()).toBeNull();
  });

  test('a hint while a key is leased makes it due at its release, and is heard', async () => {
    const heard: string[] = [];
    const stop = other.onHint((key) => heard.push(key));
    const held = await lease(KEY);
    await until('the hint is heard', async () => {
      await queue.enqueue(KEY, 0);
      return heard.includes(KEY);
    });
    expect(await queue.take(1, 60_000)).toEqual([]);
    await queue.release(held, { delayMs: 3_600_000, clean: true });
    expect(await queue.nextDue()).toBe(0);
    stop();
  });

  test('the earlier of two times counts, whichever was said first', async () => {
    await queue.enqueue(KEY, 3_600_000);
    expect(await queue.nextDue()).toBeGreaterThan(1_800_000);
    await queue.enqueue(KEY, 60_000);
    await queue.enqueue(KEY, 7_200_000);
    expect(await queue.nextDue()).toBeLessThanOrEqual(60_000);
    expect(await queue.take(1, 1000)).toEqual([]);
    const held = await lease(KEY);
    await queue.enqueue(KEY, 60_000);
    await queue.release(held, { delayMs: null, clean: true });
    expect(await queue.nextDue()).toBeGreaterThan(0);
    expect(await queue.nextDue()).toBeLessThanOrEqual(60_000);
  });
}
