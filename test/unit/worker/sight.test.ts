import type { Observation } from '../../../src/worker/observe.js';
import { createSight } from '../../../src/worker/sight.js';
import { aServing, seen } from '../../support/reconciler/builders.js';

const one = seen(aServing('i1'));
const other = seen(aServing('i2'));
const on = (...hosts: string[]) => new Set(hosts);

function stand(unobserved: ReadonlyMap<string, string> = new Map()) {
  const asked: string[][] = [];
  const clock = { now: 0 };
  const observe = async (hosts: ReadonlySet<string>): Promise<Observation> => {
    asked.push([...hosts]);
    return { observed: [one, other], unobserved };
  };
  return { asked, clock, sight: createSight(observe, () => clock.now) };
}

test('one look lasts for a second', async () => {
  const { asked, clock, sight } = stand();
  const first = await sight.of(on('h1'));
  expect(first.carried).toBe(false);
  clock.now = 999;
  expect(await sight.of(on('h1'))).toEqual({ ...first, carried: true });
  expect(asked).toHaveLength(1);
  clock.now = 1_000;
  await sight.of(on('h1'));
  expect(asked).toHaveLength(2);
});

test('a host that was not looked at is', async () => {
  const { asked, sight } = stand();
  await sight.of(on());
  await sight.of(on('h1'));
  await sight.of(on('h1', 'h2'));
  await sight.of(on('h2'));
  expect(asked).toEqual([[], ['h1'], ['h1', 'h2']]);
});

test('a host that did not answer is asked each time', async () => {
  const { asked, sight } = stand(new Map([['h1', 'timeout']]));
  await sight.of(on('h1'));
  await sight.of(on('h1'));
  expect(asked).toHaveLength(2);
});

test('what was forgotten is looked at anew', async () => {
  const { asked, sight } = stand();
  await sight.of(on('h1'));
  sight.forget();
  sight.saw(one);
  await sight.of(on('h1'));
  expect(asked).toHaveLength(2);
});

test('what an engine said of one container takes the place of what it showed before', async () => {
  const { sight } = stand();
  await sight.of(on('h1'));
  const stopped = { ...one, state: 'EXITED' as const };
  const late = { ...one, name: 'ls-i1-f8', fence: 8 };
  sight.saw(stopped);
  sight.saw(late);
  const { observed } = await sight.of(on('h1'));
  expect(observed).toHaveLength(3);
  expect(observed).toEqual(expect.arrayContaining([other, stopped, late]));
});

test('what it says does not make the look at the others any newer', async () => {
  const { asked, clock, sight } = stand();
  await sight.of(on('h1'));
  clock.now = 900;
  sight.saw(one);
  clock.now = 1_100;
  await sight.of(on('h1'));
  expect(asked).toHaveLength(2);
});
