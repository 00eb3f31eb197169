import { type AfterwardsParts, judged } from '../../../chaos/afterwards.js';
import { type ContainerRecord, Ledger } from '../../../chaos/ledger.js';
import type { FaultRecord } from '../../../chaos/storm.js';

const container: ContainerRecord = {
  id: 'one',
  name: 'c1-1',
  startFirst: true,
  entries: [],
  revisions: new Map(),
  asking: false,
  deletedAt: null,
  servesSince: 0,
};

const fault = (paths: readonly string[], from: number, to: number, recoversMs: number): FaultRecord => ({
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
  const failed = [{ container, ingress: 'ingress-1', from: at, to: at + 5, what: 'GET /: status 502' }];
  const parts: AfterwardsParts = {
    ledger: new Ledger(),
    faults,
    calls: [],
    failed,
    stays,
    crowds: [],
    workers: [],
  };
  return [...judged(parts)];
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

  it('is one of the product where a fault took its instance only afterwards', () => {
    expect(verdicts(15_000, [engineKill])).toHaveLength(1);
  });
});
