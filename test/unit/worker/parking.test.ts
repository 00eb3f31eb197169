import type { KnownTrouble, Lease, StateChange } from '../../../src/store/work.js';
import { createParking, type Ward } from '../../../src/worker/parking.js';
import { stateOf } from '../../support/store-fixture.js';

const ATTEMPTS = 5;
const MINUTE = 60_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const hints = { sleep: () => Promise.resolve(), heard: () => false, draining: () => false };

const troubled = (more: Partial<KnownTrouble> = {}): KnownTrouble => ({
  count: 1,
  deaths: 0,
  since: 1,
  reason: 'Error: a defect',
  parkedAt: null,
  noted: false,
  agoMs: 0,
  ...more,
});

const change = (parked: string | null): StateChange => ({
  containerId: 'a',
  state: stateOf(parked === null ? {} : { parked }),
});

/** What is done about a key with that trouble, in order, and how it is given back. */
async function actsOn(trouble: KnownTrouble | null, ward: Partial<Ward> = {}, work?: () => Promise<never>) {
  const acts: string[] = [];
  const parking = {
    park: (_lease: Lease, noted: StateChange | null) => {
      acts.push(noted === null ? 'park' : `park, noting "${noted.state.parked}"`);
      return Promise.resolve();
    },
    unpark: (_lease: Lease, noted: StateChange | null) => {
      acts.push(noted === null ? 'unpark' : 'unpark, noting it');
      return Promise.resolve();
    },
  };
  const whole: Ward = {
    endOperation: () => {
      acts.push('end operation');
      return Promise.resolve(false);
    },
    noted: (_lease, parked) => Promise.resolve(change(parked)),
    ...ward,
  };
  const keyWork = createParking({ parking, log: silent, attempts: ATTEMPTS }, whole, () => {
    acts.push('work');
    return work?.() ?? Promise.resolve({ delayMs: 7, clean: true });
  });
  const lease: Lease = { key: 'container/a', fence: 1, token: 't', unclean: true, trouble };
  const next = await keyWork({ lease, signal: new AbortController().signal }, hints).catch(String);
  return { acts, next };
}

test.each([[null], [troubled()], [troubled({ count: ATTEMPTS - 1 })]])(
  'work that has not failed too often is done',
  async (trouble) => {
    expect(await actsOn(trouble)).toEqual({ acts: ['work'], next: { delayMs: 7, clean: true } });
  },
);

test('the operation of work that failed too often is ended in its place, and the next one gets as many tries', async () => {
  const endOperation = () => Promise.resolve(true);
  expect(await actsOn(troubled({ count: ATTEMPTS }), { endOperation })).toEqual({
    acts: [],
    next: { delayMs: 0, clean: false },
  });
});

test('without an operation the key is parked, and its container says why', async () => {
  expect(await actsOn(troubled({ count: ATTEMPTS }))).toEqual({
    acts: [
      'end operation',
      'park, noting "parked: the work on it failed 5 times in a row; the last time: Error: a defect"',
    ],
    next: { delayMs: MINUTE, clean: false, tried: false },
  });
});

test('a record that cannot even be ended is parked without being touched', async () => {
  const { acts, next } = await actsOn(troubled({ count: ATTEMPTS + 2, reason: '' }));
  expect(acts).toEqual(['park']);
  expect(next).toEqual({ delayMs: 4 * MINUTE, clean: false, tried: false });
});

test.each([
  [0, 10_000, 50_000],
  [2, 3 * MINUTE, MINUTE],
  [40, 0, 60 * MINUTE],
])('a parked key that failed %i times more rests, also when something wakes it', async (more, agoMs, rest) => {
  const trouble = troubled({ count: ATTEMPTS + more, parkedAt: 1, agoMs });
  expect(await actsOn(trouble)).toEqual({ acts: [], next: { delayMs: rest, clean: false, tried: false } });
});

test('a parked key is tried when it has rested, and a success unparks it', async () => {
  const trouble = troubled({ count: ATTEMPTS, parkedAt: 1, agoMs: MINUTE });
  expect(await actsOn(trouble)).toEqual({
    acts: ['work', 'unpark, noting it'],
    next: { delayMs: 7, clean: true },
  });
});

test('one that fails again stays parked', async () => {
  const trouble = troubled({ count: ATTEMPTS, parkedAt: 1, agoMs: MINUTE });
  const again = await actsOn(trouble, {}, () => Promise.reject(new Error('again')));
  expect(again).toEqual({ acts: ['work'], next: 'Error: again' });
});

test('after a new operation has unparked it, its container no longer says that it is parked', async () => {
  const trouble = troubled({ count: 0, noted: true });
  expect((await actsOn(trouble)).acts).toEqual(['unpark, noting it', 'work']);
});
