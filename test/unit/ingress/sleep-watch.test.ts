import { createSleepWatch } from '../../../src/ingress/sleep-watch.js';

function setUp() {
  let now = 0;
  const warnings: string[] = [];
  const watch = createSleepWatch({
    now: () => now,
    log: { info: () => undefined, warn: (_, message) => warnings.push(message) },
    options: { everyMs: 1_000, heartbeatTtlMs: 5_000 },
  });
  return {
    watch,
    warnings,
    pass(ms: number) {
      now += ms;
    },
  };
}

test('who is asked often enough is awake', () => {
  const { watch, warnings, pass } = setUp();
  for (let count = 0; count < 10; count += 1) {
    pass(2_500);
    expect(watch.waking()).toBeNull();
  }
  expect(watch.wokeAt()).toBe(Number.NEGATIVE_INFINITY);
  expect(warnings).toEqual([]);
});

test('a pause in which the heartbeat may have lapsed is noticed by whoever asks first, and is over when it is said', async () => {
  const { watch, warnings, pass } = setUp();
  watch.wokeAt();
  pass(2_501);
  const waking = watch.waking();
  expect(waking).not.toBeNull();
  expect([watch.wokeAt(), warnings]).toEqual([2_501, [expect.stringContaining('held up')]]);
  pass(100);
  expect(watch.waking()).toBe(waking);
  watch.over();
  await waking;
  expect(watch.waking()).toBeNull();
  expect(warnings).toHaveLength(1);
});
