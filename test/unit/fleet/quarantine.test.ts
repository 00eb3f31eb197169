import fc from 'fast-check';
import type { Orphan } from '../../../src/domain/host.js';
import { type QuarantineLook, quarantine } from '../../../src/fleet/quarantine.js';
import { aServing, seen } from '../../support/reconciler/builders.js';

const HOUR = 3_600_000;
const LOOK: QuarantineLook = {
  now: 1_000_000,
  replicationId: 'redis-1',
  reasons: new Map<string, string>(),
  fence: 250,
  gaps: [[100, 200]],
  quarantineMs: 24 * HOUR,
};
const orphan = (id: string, fence = 7) => seen(aServing(id), { fence });

/** Looks every ten minutes, so many times. */
function watch(found: ReturnType<typeof orphan>[], times: number, changes: (at: number) => Partial<QuarantineLook>) {
  let before: readonly Orphan[] = [];
  let lookedAt = 0;
  const due: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const look = { ...LOOK, now: LOOK.now + at * 600_000, ...changes(at) };
    const result = quarantine(found, before, lookedAt, look);
    if (result.due.length > 0) due.push(at);
    [before, lookedAt] = [result.orphans, look.now];
  }
  return { orphans: before, due };
}

test('an orphan is new once, and remembered since', () => {
  const first = quarantine([orphan('i1')], [], 0, LOOK);
  expect(first.fresh).toEqual(first.orphans);
  expect(first.orphans).toMatchObject([{ instanceId: 'i1', firstSeenAt: LOOK.now, watchedMs: 0, kept: '' }]);
  const second = quarantine([orphan('i1'), orphan('i2')], first.orphans, LOOK.now, { ...LOOK, now: LOOK.now + 60_000 });
  expect(second.fresh.map(({ instanceId }) => instanceId)).toEqual(['i2']);
  expect(second.orphans).toMatchObject([{ firstSeenAt: LOOK.now, watchedMs: 60_000 }, { watchedMs: 0 }]);
  expect(quarantine([], second.orphans, LOOK.now, LOOK).orphans).toEqual([]);
});

test('it is due when it was watched for the whole quarantine, and not before', () => {
  expect(watch([orphan('i1')], 146, () => ({})).due).toEqual([144, 145]);
});

test('neither a step of the clock nor a long pause of ours ends a quarantine', () => {
  expect(watch([orphan('i1')], 20, (at) => (at === 10 ? { now: LOOK.now + 1_000 * HOUR } : {})).due).toEqual([]);
});

test('one that the present Redis may have lost is never due', () => {
  expect(watch([orphan('i1', 251)], 500, () => ({})).due).toEqual([]);
  const { orphans, due } = watch([orphan('i1', 101)], 500, () => ({}));
  expect(due).toEqual([]);
  expect(orphans).toMatchObject([{ kept: expect.stringContaining('Redis may have lost') }]);
  for (const fence of [100, 201]) expect(watch([orphan('i1', fence)], 145, () => ({})).due).toEqual([144]);
});

test('nor is one that somebody renamed, or beside which Redis became another one', () => {
  expect(watch([orphan('i1', 0)], 500, () => ({})).due).toEqual([]);
  const { orphans, due } = watch([orphan('i1')], 500, (at) => (at > 100 ? { replicationId: 'redis-2' } : {}));
  expect(due).toEqual([]);
  expect(orphans).toMatchObject([{ kept: expect.stringContaining('restarted, restored or replaced') }]);
});

test('whatever happens, what is due was watched for the whole time under one Redis that has known it', () => {
  const step = fc.record({ minutes: fc.integer({ min: -600, max: 600 }), redis: fc.nat(1), there: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), fc.nat(300), (steps, fence) => {
      let before: readonly Orphan[] = [];
      let [lookedAt, now, since] = [0, LOOK.now, -1];
      const redisSeen = new Set<number>();
      for (const { minutes, redis, there } of steps) {
        now += minutes * 60_000;
        const look = { ...LOOK, now, replicationId: `redis-${redis}`, quarantineMs: HOUR };
        const result = quarantine(there ? [orphan('i1', fence)] : [], before, lookedAt, look);
        if (!there) redisSeen.clear();
        else redisSeen.add(redis);
        since = there ? since + 1 : -1;
        if (result.due.length > 0) {
          expect([(fence > 0 && fence <= 100) || (fence > 200 && fence <= 250), redisSeen.size, since >= 4]).toEqual([
            true,
            1,
            true,
          ]);
        }
        [before, lookedAt] = [result.orphans, now];
      }
    }),
    { numRuns: 200 },
  );
});
