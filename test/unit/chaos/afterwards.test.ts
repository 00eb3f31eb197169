import { type AfterwardsParts, judged } from '../../../chaos/afterwards.js';
import type { Call } from '../../../chaos/calls.js';
import { type Entry, Ledger } from '../../../chaos/ledger.js';
import { EVERYTHING } from '../../../chaos/stalls.js';
import type { FaultRecord } from '../../../chaos/storm.js';
import type { Crowd } from '../../../chaos/watch.js';
import { ENDED_AT, ended, failedWith, MADE_AT, open, record } from '../../support/chaos/records.js';

const container = record([], { servesSince: 0 });

const fault = (paths: readonly string[], from: number, to: number | null, recoversMs: number): FaultRecord => ({
  kind: paths.join(),
  name: paths.join(),
  paths,
  from,
  to,
  recoversMs,
});

const engineKill = fault(['host-3', 'engine-3'], 20_000, 22_000, 30_000);
/** The instance of which requests fail ran on host-3 until that engine was killed; a former one drains on host-1. */
const stays = new Map([
  [
    'one',
    [
      { host: 'host-3', from: 0, to: 20_000 },
      { host: 'host-1', from: 0, to: 200_000 },
    ],
  ],
]);

function verdicts(at: number, faults: readonly FaultRecord[]): readonly string[] {
  return faultsOf({ faults, failed: [failedAt(at)], stays });
}

const failedAt = (at: number, late = false) => ({
  ...{ container, ingress: 'ingress-1', from: at, to: at + 5, what: 'GET /: status 502', late },
});

function faultsOf(parts: Partial<AfterwardsParts>): readonly string[] {
  const nothing: AfterwardsParts = {
    ledger: new Ledger(),
    faults: [],
    calls: [],
    failed: [],
    stays: new Map(),
    crowds: [],
    workers: ['worker-1', 'worker-2'],
  };
  return [...judged({ ...nothing, ...parts })];
}

describe('a request that failed', () => {
  it('is no fault of the product while what a fault took is given time to be back, however long ago it was seen to run', () => {
    expect(verdicts(51_000, [engineKill])).toEqual([]);
    expect(verdicts(53_000, [engineKill])).toHaveLength(1);
  });

  it('is given the time in which Redis or that engine was away on top, since nobody could start anything', () => {
    const redis = fault(['redis'], 30_000, 37_000, 3_000);
    const engine = fault(['engine-3'], 36_000, 40_000, 3_000);
    // 8 s of the 30 until Redis goes, and the rest from when the engine is found to be back.
    expect(verdicts(64_000, [engineKill, redis, engine])).toEqual([]);
    expect(verdicts(66_000, [engineKill, redis, engine])).toHaveLength(1);
  });

  it('is given no more where another engine was away, or where that was before or long after', () => {
    const others = [
      fault(['engine-1'], 30_000, 40_000, 3_000),
      fault(['redis'], 5_000, 10_000, 3_000),
      fault(['redis'], 60_000, 70_000, 3_000),
    ];
    expect(verdicts(53_000, [engineKill, ...others])).toHaveLength(1);
  });

  it('is one of the product where it ran on no host that a fault hit', () => {
    expect(verdicts(25_000, [fault(['host-2', 'engine-2'], 20_000, 22_000, 30_000)])).toHaveLength(1);
  });

  it('is no fault of the product while Redis is away that a former revision answers, and one that nobody does', () => {
    const redis = fault(['redis'], 4_000, 6_000, 3_000);
    expect(faultsOf({ faults: [redis], failed: [failedAt(5_000, true)], stays })).toEqual([]);
    expect(faultsOf({ faults: [redis], failed: [failedAt(5_000)], stays })).toHaveLength(1);
    expect(faultsOf({ faults: [redis], failed: [failedAt(9_500, true)], stays })).toHaveLength(1);
  });

  it('is one of the product where a fault took its instance only afterwards', () => {
    expect(verdicts(15_000, [engineKill])).toHaveLength(1);
  });
});

describe('a request that failed with a fault in its way', () => {
  it.each([
    ['of its ingress', 'ingress-1', 0],
    ['of its container', 'one', 0],
    ['of a host that it ran on', 'host-1', 0],
    ['of everything', EVERYTHING, 0],
    ['of another ingress', 'ingress-2', 1],
    ['of another container', 'two', 1],
    ['of a process of the API', 'api-1', 1],
  ])('%s', (_whose, path, faults) => {
    expect(verdicts(50_000, [fault([path], 49_000, null, 1_000)])).toHaveLength(faults);
  });

  it('says where and when', () => {
    expect(verdicts(50_000, [])).toEqual([
      'a request to one (c1-1, on host-1) by ingress-1 at 00:00:50.000 failed after 5 ms: GET /: status 502',
    ]);
  });
});

describe('a call', () => {
  const CALL: Call = { api: 'api-1', method: 'Get', from: 50_000, to: 50_010, code: 0, message: '' };
  const SLOW = { to: 54_001 };
  const UNAVAILABLE = { code: 14, message: 'no Redis' };
  const told = (part: Partial<Call>, ...faults: FaultRecord[]) => faultsOf({ calls: [{ ...CALL, ...part }], faults });
  /** In force before the call, and felt during it. */
  const on = (path: string) => fault([path], 40_000, 49_000, 1_000);

  it.each<[string, Partial<Call>, FaultRecord[]]>([
    ['succeeds', {}, []],
    ['is refused', { code: 9, message: 'no' }, []],
    ['takes a while', { to: 54_000 }, []],
    ['is slow at a process with a fault', SLOW, [on('api-1')]],
    ['is slow while the machine has too much to do', SLOW, [on(EVERYTHING)]],
    ['is UNAVAILABLE at a process with a fault', UNAVAILABLE, [on('api-1')]],
    ['is UNAVAILABLE with a fault on Redis', UNAVAILABLE, [on('redis')]],
  ])('that %s is no fault', (_what, part, faults) => {
    expect(told(part, ...faults)).toEqual([]);
  });

  it.each<[string, Partial<Call>, FaultRecord[], string]>([
    [
      'ends INTERNAL',
      { code: 13, message: 'oops' },
      [on('api-1'), on('redis')],
      'Get at api-1 was answered with code 13: oops',
    ],
    ['ends UNKNOWN', { code: 2, message: 'oops' }, [on('api-1')], 'Get at api-1 was answered with code 2: oops'],
    ['is slow', SLOW, [], 'Get at api-1 took 4001 ms, at 00:00:50.000 (no fault in force on Redis)'],
    ['is slow for Redis', SLOW, [on('redis')], 'Get at api-1 took 4001 ms, at 00:00:50.000 (in force: redis)'],
    [
      'is slow for others',
      SLOW,
      [on('api-2'), on('engine-1')],
      'Get at api-1 took 4001 ms, at 00:00:50.000 (no fault in force on Redis)',
    ],
    [
      'is UNAVAILABLE for nothing',
      UNAVAILABLE,
      [on('api-2'), on('engine-1')],
      'Get at api-1 was UNAVAILABLE at 00:00:50.000 (no fault in force on Redis): no Redis',
    ],
    [
      'is UNAVAILABLE long after the fault',
      UNAVAILABLE,
      [fault(['redis', 'api-1'], 40_000, 48_999, 1_000)],
      'Get at api-1 was UNAVAILABLE at 00:00:50.000 (no fault in force on Redis): no Redis',
    ],
    [
      'is UNAVAILABLE before the fault',
      UNAVAILABLE,
      [fault(['redis', 'api-1'], 50_011, null, 1_000)],
      'Get at api-1 was UNAVAILABLE at 00:00:50.000 (no fault in force on Redis): no Redis',
    ],
  ])('that %s is one', (_what, part, faults, line) => {
    expect(told(part, ...faults)).toEqual([line]);
  });
});

describe('an operation that ended with an error', () => {
  const told = (entry: Entry, ...faults: FaultRecord[]) => {
    const ledger = new Ledger();
    ledger.acknowledged(container, entry);
    return faultsOf({ ledger, faults });
  };
  /** In force until shortly before it was asked for, and felt then. */
  const before = fault(['engine-1'], MADE_AT - 2_000, MADE_AT - 1_000, 1_000);
  const CANNOT = { canSucceed: false };

  it.each<[string, Entry, FaultRecord[]]>([
    ['it has not ended', open('o1'), []],
    ['it succeeded', ended('o1'), []],
    ['it cannot succeed', ended('o1', CANNOT, failedWith(9)), []],
    ['it was cancelled', ended('o1', { cancelled: true }, failedWith(1)), []],
    ['it found no room', ended('o1', { scarce: true }, failedWith(8)), []],
    ['a fault was in force when it began', ended('o1', {}, failedWith(14)), [before]],
    ['a fault came before its end', ended('o1', {}, failedWith(14)), [fault(['redis'], ENDED_AT, null, 0)]],
  ])('is no fault where %s', (_what, entry, faults) => {
    expect(told(entry, ...faults)).toEqual([]);
  });

  it.each<[string, Entry, FaultRecord[], string]>([
    [
      'it is INTERNAL, whatever was in force',
      ended('o1', CANNOT, failedWith(13)),
      [before],
      'operation o1 (DeployRevision) ended with code 13: no',
    ],
    [
      'it is UNKNOWN, whatever was in force',
      ended('o1', CANNOT, failedWith(2)),
      [before],
      'operation o1 (DeployRevision) ended with code 2: no',
    ],
    [
      'nobody cancelled it',
      ended('o1', CANNOT, failedWith(1)),
      [before],
      'operation o1 (DeployRevision) ended with code 1: no; nobody cancelled it',
    ],
    [
      'it found no room, and wants nothing that there is too little of',
      ended('o1', {}, failedWith(8)),
      [],
      'operation o1 (DeployRevision) ended with code 8: no; no fault was in force',
    ],
    [
      'no fault was in force',
      ended('o1', {}, failedWith(9)),
      [fault(['redis'], 0, MADE_AT - 1_001, 1_000), fault(['redis'], ENDED_AT + 1, null, 0)],
      'operation o1 (DeployRevision) ended with code 9: no; no fault was in force',
    ],
    [
      'the fault in force must not change anything',
      ended('o1', {}, failedWith(14)),
      [fault([], 0, null, 0)],
      'operation o1 (DeployRevision) ended with code 14: no; no fault was in force',
    ],
  ])('is one where %s', (_what, entry, faults, line) => {
    expect(told(entry, ...faults)).toEqual([line]);
  });
});

describe('several instances that run while nothing is under way', () => {
  const told = (to: number, ...faults: FaultRecord[]) => {
    const crowd: Crowd = {
      container: 'one',
      operations: 1,
      names: 'ls-i1-f1 and ls-i2-f1',
      hosts: ['host-1', 'host-2'],
      from: 0,
      to,
    };
    return faultsOf({ crowds: [crowd], faults });
  };

  it('are no fault for as long as the former one may take to go', () => {
    expect(told(30_000)).toEqual([]);
    expect(told(30_001)).toEqual([
      'of container one ran ls-i1-f1 and ls-i2-f1 from 00:00:00.000 to 00:00:30.001, and nothing was under way',
    ]);
  });

  it.each(['redis', 'one', 'host-2', 'engine-1', 'worker-2', EVERYTHING])(
    'are given that time again after a fault of %s',
    (path) => {
      const one = fault([path], 20_000, 22_000, 3_000);
      expect(told(55_000, one)).toEqual([]);
      expect(told(55_001, one)).toEqual([expect.stringContaining('from 00:00:25.000 to 00:00:55.001')]);
    },
  );

  it.each(['two', 'host-3', 'engine-3', 'api-1', 'ingress-1'])('are given no more for a fault of %s', (path) => {
    expect(told(30_001, fault([path], 20_000, 22_000, 3_000))).toHaveLength(1);
  });

  it('are one where they ran too long before a fault', () => {
    expect(told(40_000, fault(['redis'], 30_001, 32_000, 3_000))).toEqual([
      expect.stringContaining('from 00:00:00.000 to 00:00:30.001'),
    ]);
  });

  it('are none while a fault is in force', () => {
    expect(told(100_000, fault(['redis'], 30_000, null, 3_000))).toEqual([]);
  });
});
