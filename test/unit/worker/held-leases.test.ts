import { LeaseLostError } from '../../../src/store/work.js';
import { HeldLeases } from '../../../src/worker/held-leases.js';
import { createMemoryQueue } from '../../support/memory-queue.js';

const TTL_MS = 15_000;
const KEY = 'container/a';

describe('leases in use', () => {
  let now: number;
  const queue = () => createMemoryQueue();

  beforeEach(() => {
    now = 0;
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Our clock and the timers move together. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      now += Math.min(left, 500);
      await jest.advanceTimersByTimeAsync(Math.min(left, 500));
    }
  };

  async function held(source: ReturnType<typeof queue>) {
    const leases = new HeldLeases(source, TTL_MS, () => now);
    leases.start();
    source.put(KEY);
    const [one] = await leases.take(1);
    if (!one) throw new Error('nothing was taken');
    return { leases, one };
  }

  test('are renewed for as long as they are held', async () => {
    const source = queue();
    const { leases, one } = await held(source);
    await pass(TTL_MS * 10);
    expect(one.signal.aborted).toBe(false);
    expect(source.renewals).toBeGreaterThan(10);
    leases.stop();
  });

  test('abort when Redis says that they are lost', async () => {
    const source = queue();
    const { leases, one } = await held(source);
    source.lose(KEY);
    await pass(TTL_MS / 2);
    expect(one.signal.reason).toBeInstanceOf(LeaseLostError);
    expect(leases.size).toBe(0);
    leases.stop();
  });

  test('abort at two thirds of their life when Redis is silent, well before anybody else can have them', async () => {
    const source = queue();
    const { leases, one } = await held(source);
    source.fail(new Error('away'));
    await pass(TTL_MS / 2);
    expect(one.signal.aborted).toBe(false);
    await pass(TTL_MS / 4);
    expect(one.signal.reason).toBeInstanceOf(LeaseLostError);
    leases.stop();
  });

  test('count from before the request that took them', async () => {
    const source = queue();
    const leases = new HeldLeases(source, TTL_MS, () => now);
    source.put(KEY);
    const taking = leases.take(1);
    now += TTL_MS / 2;
    const [one] = await taking;
    now += TTL_MS / 5;
    leases.start();
    await jest.advanceTimersByTimeAsync(TTL_MS / 10);
    expect(one?.signal.aborted).toBe(true);
    leases.stop();
  });

  describe('whose request was not answered', () => {
    /** Redis does what it is asked for, and the answer to the first request is lost. */
    function lossy() {
      const source = queue();
      let lost = 1;
      const take: typeof source.take = async (...args) => {
        const leases = await source.take(...args);
        lost -= 1;
        if (lost >= 0) throw new Error('no answer');
        return leases;
      };
      source.put(KEY);
      return { ...source, take };
    }

    test('are had by asking again, and count from the first time', async () => {
      const leases = new HeldLeases(lossy(), TTL_MS, () => now);
      await expect(leases.take(1)).rejects.toThrow('no answer');
      now += TTL_MS / 2;
      const [one] = await leases.take(1);
      expect(one?.lease).toMatchObject({ key: KEY, unclean: false, trouble: null });
      now += TTL_MS / 5;
      leases.start();
      await jest.advanceTimersByTimeAsync(TTL_MS / 10);
      expect(one?.signal.aborted).toBe(true);
      leases.stop();
    });

    test('are given back where they may lapse, as untouched as they were', async () => {
      const source = lossy();
      const leases = new HeldLeases(source, TTL_MS, () => now);
      await expect(leases.take(1)).rejects.toThrow('no answer');
      now += TTL_MS;
      expect(await leases.take(1)).toEqual([]);
      expect(source.released).toEqual([{ key: KEY, delayMs: 0, clean: true, tried: false }]);
      const [one] = await leases.take(1);
      expect(one?.lease).toMatchObject({ key: KEY, unclean: false, trouble: null });
    });
  });

  test('that come too late are given back, at the next try where the first one fails', async () => {
    const source = queue();
    source.put(KEY);
    let refused = 1;
    const release: typeof source.release = async (...args) => {
      refused -= 1;
      if (refused >= 0) throw new Error('no answer');
      await source.release(...args);
    };
    const leases = new HeldLeases({ ...source, release }, TTL_MS, () => now);
    const taking = leases.take(1);
    now += TTL_MS;
    await expect(taking).rejects.toThrow('no answer');
    expect(await leases.take(1)).toEqual([]);
    expect(source.released).toEqual([{ key: KEY, delayMs: 0, clean: true, tried: false }]);
    expect((await leases.take(1))[0]?.lease).toMatchObject({ key: KEY, trouble: null });
  });

  test('are not renewed once they are dropped', async () => {
    const source = queue();
    const { leases, one } = await held(source);
    leases.drop(one.lease);
    await pass(TTL_MS);
    expect(source.renewals).toBe(0);
    expect(one.signal.aborted).toBe(false);
    leases.stop();
  });
});
