import type { LoadedContainer } from '../../../src/store/work.js';
import { createReading } from '../../../src/worker/reading.js';
import { aView, NOW } from '../../support/reconciler/builders.js';

function loadedAt(now: number): LoadedContainer {
  const { containerId: id, status, state, ...rest } = aView({});
  const kept = { folderId: 'f', createdAt: 0, name: '', description: '', labels: {}, version: 1 };
  return { ...rest, now, record: { id, status, state, ...kept } };
}

/** Redis is a second ahead of our clock at each reading, and knows the container until it is gone. */
function stand() {
  const clock = { now: 0.5 };
  const redis = { readings: 0, gone: false };
  const reading = createReading(
    () => {
      redis.readings += 1;
      return Promise.resolve(redis.gone ? null : loadedAt(NOW + Math.floor(clock.now)));
    },
    () => clock.now,
  );
  return { clock, redis, reading };
}

test('what a step says that a reading would say is gone on from, in the time of Redis, until something is heard', async () => {
  const { clock, redis, reading } = stand();
  await reading.of(false);
  const after = { ...loadedAt(NOW), deleteRequested: true };
  reading.goOn({ loaded: after });
  clock.now = 40.4;
  expect(reading.now()).toBe(NOW + 39);
  expect(await reading.of(false)).toEqual({ ...after, now: NOW + 39 });
  expect(redis.readings).toBe(1);
  expect(await reading.of(true)).toEqual(loadedAt(NOW + 40));
  expect(redis.readings).toBe(2);
});

test('after a step that says nothing it is read anew', async () => {
  const { redis, reading } = stand();
  await reading.of(false);
  reading.goOn();
  redis.gone = true;
  expect(await reading.of(false)).toBeNull();
});

test('what is not written yet is forgotten with the next reading', async () => {
  const { reading } = stand();
  await reading.of(false);
  reading.goOn({ loaded: loadedAt(NOW), unwritten: true });
  await reading.of(false);
  expect(reading.unwritten()).toBe(true);
  await reading.of(true);
  expect(reading.unwritten()).toBe(false);
  reading.goOn({ loaded: loadedAt(NOW) });
  expect(reading.unwritten()).toBe(false);
});
