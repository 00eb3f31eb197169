import type { Lease, WorkKey, WorkQueue } from '../../../src/store/work.js';
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

  /** The key, which was given back and is due. */
  const again = (): Promise<Lease> => until(`${KEY} is due`, async () => (await queue.take(1, 60_000))[0]);

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

  test('a request that is sent again gets what it got before', async () => {
    expect(await queue.take(5, 60_000, 5, 'early')).toEqual([]);
    await queue.enqueue(KEY, 0);
    await queue.enqueue('container/b', 0);
    const leases = await queue.take(1, 60_000, 1, 'one');
    expect(leases).toHaveLength(1);
    expect(await queue.take(1, 60_000, 1, 'one')).toEqual(leases);
    const rest = await queue.take(5, 60_000, 5, 'early');
    expect([...leases, ...rest].map(({ key }) => key).sort()).toEqual(['container/b', KEY]);
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

  test('failures in a row are counted, deaths among them, until the work comes to an ordinary end', async () => {
    const first = await lease(KEY);
    expect(first.trouble).toBeNull();
    await queue.release(first, { delayMs: 0, clean: false, failed: 'first' });
    const second = await again();
    expect(second.trouble).toMatchObject({ count: 1, deaths: 0, reason: 'first', parkedAt: null });
    await queue.release(second, { delayMs: 0, clean: false, failed: 'second' });
    const [dying] = await queue.take(1, 1);
    expect(dying?.trouble).toMatchObject({ count: 2, reason: 'second', since: second.trouble?.since });
    const heir = await until('the lease lapses', async () => (await other.take(1, 60_000))[0]);
    expect(heir.trouble).toMatchObject({ count: 3, deaths: 1, reason: '' });
    await queue.release(heir, { delayMs: 0, clean: true, tried: false });
    const last = await again();
    expect(last.trouble).toMatchObject({ count: 3, deaths: 1 });
    await queue.release(last, { delayMs: 0, clean: true });
    expect((await again()).trouble).toBeNull();
  });

  test('a lapse whose holder turns out to live was no death', async () => {
    await queue.enqueue(KEY, 0);
    const lost: Lease[] = [];
    for (let lapses = 0; lapses < 2; lapses += 1)
      lost.push(await until('it is to be had', async () => (await queue.take(1, 1))[0]));
    const held = await until('the lease lapses', async () => (await other.take(1, 60_000))[0]);
    expect(held.trouble).toMatchObject({ count: 2, deaths: 2 });
    for (const one of lost) await queue.release(one, { delayMs: 0, clean: false, tried: false });
    await queue.release(held, { delayMs: 0, clean: false, tried: false });
    const next = await again();
    expect(next.trouble).toMatchObject({ count: 1, deaths: 1 });
    await queue.release(next, { delayMs: 0, clean: false, failed: 'a defect' });
    expect((await again()).trouble).toMatchObject({ count: 2, deaths: 1, reason: 'a defect' });
  });

  test('what its holder says late of a lease that lapsed last explains the lapse', async () => {
    await queue.enqueue(KEY, 0);
    const [lost] = await queue.take(1, 1);
    if (lost === undefined) throw new Error('it was not due');
    const held = await until('the lease lapses', async () => (await other.take(1, 60_000))[0]);
    await queue.release(lost, { delayMs: 0, clean: false, failed: 'a defect' });
    await queue.release(held, { delayMs: 0, clean: false, tried: false });
    expect((await again()).trouble).toMatchObject({ count: 1, deaths: 0, reason: 'a defect' });
  });

  test('keys that may have killed their holders are given out as few at a time as asked for', async () => {
    const suspects = ['container/s1', 'container/s2', 'container/s3'] as const;
    for (const key of suspects) await queue.enqueue(key, 0);
    for (let lapses = 0; lapses < 2; lapses += 1)
      await until('all are to be had', async () => (await queue.take(3, 1)).length === 3);
    const first = await until('the leases lapse', async () => {
      const taken = await queue.take(9, 60_000, 1);
      return taken.length > 0 && taken;
    });
    expect(first).toHaveLength(1);
    expect(first[0]?.trouble).toMatchObject({ deaths: 2 });
    await queue.enqueue(KEY, 0);
    expect((await queue.take(9, 60_000, 0)).map(({ key }) => key)).toEqual([KEY]);
    const rest = new Set<string>();
    await until('the others had their turn', async () => {
      for (const { key } of await queue.take(9, 60_000, 1)) rest.add(key);
      return rest.size === 2;
    });
    expect([...rest, first[0]?.key].sort()).toEqual(suspects);
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
