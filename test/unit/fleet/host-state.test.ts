import fc from 'fast-check';
import type { HostStanding, HostState } from '../../../src/domain/host.js';
import { type HostLook, LONGEST_PAUSE_MS, standingAfter } from '../../../src/fleet/host-state.js';

const POLICY = { missedLooks: 2, lostAfterMs: 100_000 };
const SILENT: HostLook = { kind: 'SILENT', reason: 'no answer' };
const UNFIT: HostLook = { kind: 'UNFIT', reason: 'it says 500' };
const REFUSED: HostLook = { kind: 'REFUSED', reason: 'not ours' };
const CLEAN: HostLook = { kind: 'ANSWERED', unclean: '' };
const UNCLEAN: HostLook = { kind: 'ANSWERED', unclean: 'ls-i-f1 is to be stopped' };

/** The standing after looks at these times (milliseconds), of somebody who has watched since `watchedSince`. */
function after(looks: readonly (readonly [number, HostLook])[], from: HostStanding | null = null, watchedSince = 0) {
  return looks.reduce<HostStanding | null>(
    (former, [now, look]) => standingAfter(former, look, { now, watchedSince }, POLICY),
    from,
  );
}

const everyTenSeconds = (look: HostLook, from: number, count: number) =>
  Array.from({ length: count }, (_, at) => [from + at * 10_000, look] as const);

const up = after([[1, CLEAN]]);
const unreachable = after(
  [
    [10_000, SILENT],
    [20_000, SILENT],
  ],
  up,
);
const lost = after(everyTenSeconds(SILENT, 10_000, 11), up);

test('a host that answers is up, since it first did', () => {
  expect(after(everyTenSeconds(CLEAN, 5, 3))).toEqual({
    state: 'UP',
    since: 5,
    message: '',
    missedLooks: 0,
    silentSince: null,
    lookedAt: 20_005,
  });
});

test('one missed look is told, and changes the state of nothing', () => {
  expect(after([[10_000, SILENT]], up)).toMatchObject({ state: 'UP', since: 1, missedLooks: 1, message: 'no answer' });
  expect(after([[10_000, SILENT]])).toMatchObject({ state: 'UNKNOWN', missedLooks: 1 });
  expect(after([[20_000, CLEAN]], after([[10_000, SILENT]], up))).toMatchObject({ state: 'UP', since: 1, message: '' });
});

test('the next one makes it unreachable, and after the grace it is lost', () => {
  expect(unreachable).toMatchObject({ state: 'UNREACHABLE', since: 20_000, silentSince: 10_000, missedLooks: 2 });
  expect(after(everyTenSeconds(SILENT, 10_000, 10), up)).toMatchObject({ state: 'UNREACHABLE', since: 20_000 });
  expect(lost).toMatchObject({ state: 'LOST', since: 110_000, silentSince: 10_000, message: 'no answer' });
});

test('a look that comes late does not make it lost at once', () => {
  expect(after([[15_000, SILENT]], up)).toMatchObject({ state: 'UP' });
  expect(after([[200_000, SILENT]], after([[10_000, SILENT]], up))).toMatchObject({ state: 'UP', missedLooks: 1 });
});

test('after a pause of ours, and after a step of the clock, silence begins anew', () => {
  const late = 20_000 + LONGEST_PAUSE_MS + 1;
  expect(after([[late, SILENT]], unreachable)).toMatchObject({ state: 'UNREACHABLE', silentSince: late });
  expect(after([[19_999, SILENT]], unreachable)).toMatchObject({ state: 'UNREACHABLE', silentSince: 19_999 });
});

test('whoever has just begun to watch gives it the whole grace', () => {
  const soon = after(everyTenSeconds(SILENT, 30_000, 12), unreachable, 50_000);
  expect(soon).toMatchObject({ state: 'UNREACHABLE', silentSince: 10_000 });
  expect(after([[150_000, SILENT]], soon, 50_000)).toMatchObject({ state: 'LOST' });
});

test('one that comes back is used when it is clean', () => {
  for (const away of [unreachable, lost, after([[10, REFUSED]], up)]) {
    expect(after([[120_000, CLEAN]], away)).toMatchObject({ state: 'UP', since: 120_000, message: '' });
    const returning = after([[120_000, UNCLEAN]], away);
    expect(returning).toMatchObject({ state: 'RETURNING', since: 120_000, message: 'ls-i-f1 is to be stopped' });
    expect(after([[121_000, CLEAN]], returning)).toMatchObject({ state: 'UP', since: 121_000 });
    expect(after(everyTenSeconds(SILENT, 121_000, 2), returning)).toMatchObject({ state: 'UNREACHABLE' });
  }
});

test('one that was there all the time has comings and goings', () => {
  expect(after([[10_000, UNCLEAN]], up)).toMatchObject({ state: 'UP', since: 1, message: '' });
  expect(after([[10_000, UNCLEAN]])).toMatchObject({ state: 'UP' });
});

test('one that answers, and not with what we need, is unreachable and never lost', () => {
  expect(after([[10_000, UNFIT]], up)).toMatchObject({ state: 'UP', missedLooks: 1 });
  expect(after(everyTenSeconds(UNFIT, 10_000, 100), up)).toMatchObject({ state: 'UNREACHABLE', silentSince: null });
  expect(after([[120_000, UNFIT]], lost)).toMatchObject({ state: 'UNREACHABLE', message: 'it says 500' });
});

describe('whatever is seen', () => {
  const look = fc.constantFrom(SILENT, UNFIT, REFUSED, CLEAN, UNCLEAN);
  const looks = fc.array(fc.record({ look, pauseMs: fc.constantFrom(1_000, 10_000, 30_000, 70_000, -5_000) }), {
    maxLength: 60,
    size: 'max',
  });
  const may: Readonly<Record<HostState, readonly HostState[]>> = {
    UNKNOWN: ['UNKNOWN', 'UP', 'UNREACHABLE', 'REFUSED'],
    UP: ['UP', 'UNREACHABLE', 'REFUSED'],
    UNREACHABLE: ['UNREACHABLE', 'LOST', 'RETURNING', 'UP', 'REFUSED'],
    LOST: ['LOST', 'RETURNING', 'UP', 'REFUSED', 'UNREACHABLE'],
    RETURNING: ['RETURNING', 'UP', 'UNREACHABLE', 'REFUSED'],
    REFUSED: ['REFUSED', 'UP', 'RETURNING', 'UNREACHABLE'],
  };

  it('states follow each other as they may, lost is only what was watched in silence for the whole grace', () => {
    fc.assert(
      fc.property(looks, fc.nat(400_000), (history, watchedSince) => {
        let former: HostStanding | null = null;
        let now = 1_000_000;
        /** By a count of its own: the silence that was watched, in steps that were not too long. */
        let watchedMs = 0;
        for (const { look: seen, pauseMs } of history) {
          now += pauseMs;
          const began = 1_000_000 + watchedSince;
          const next: HostStanding = standingAfter(former, seen, { now, watchedSince: began }, POLICY);
          const silentBefore = former !== null && former.silentSince !== null && pauseMs > 0 && pauseMs <= 60_000;
          if (seen.kind !== 'SILENT' || !silentBefore) watchedMs = 0;
          else watchedMs += Math.max(Math.min(pauseMs, now - began), 0);
          expect(may[former?.state ?? 'UNKNOWN']).toContain(next.state);
          if (next.state === 'LOST' && former?.state !== 'LOST') expect(watchedMs).toBeGreaterThanOrEqual(100_000);
          if (next.state === 'UP' && next.missedLooks === 0) expect(seen.kind).toBe('ANSWERED');
          if (seen === UNCLEAN && former?.state !== 'UP' && former !== null && former.state !== 'UNKNOWN')
            expect(next.state).toBe('RETURNING');
          expect(next.since).toBe(next.state === former?.state ? former.since : now);
          expect(next.message === '').toBe(next.state === 'UP' && next.missedLooks === 0);
          former = next;
        }
      }),
      { numRuns: process.env.LONGSHORE_TEST_FULL === '1' ? 5_000 : 300 },
    );
  });
});
