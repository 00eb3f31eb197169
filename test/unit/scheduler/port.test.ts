import { pickPort } from '../../../src/scheduler/port.js';
import { aHost, aSnapshot } from '../../support/reconciler/builders.js';

const snapshot = (first: number, last: number, ...taken: number[]) =>
  aSnapshot(aHost('h1', { ports: { first, last } }), { takenPorts: new Set(taken) });

describe('the port of a new instance', () => {
  it('is the same for the same instance, and free', () => {
    const picked = pickPort(snapshot(40_000, 49_999), 'i1') ?? 0;
    expect(pickPort(snapshot(40_000, 49_999), 'i1')).toBe(picked);
    expect(pickPort(snapshot(40_000, 49_999, picked), 'i1')).toBe(picked + 1);
  });

  it('goes on at the beginning of the range', () => {
    const ports = ['i1', 'i2', 'i3'].map((seed) => pickPort(snapshot(7, 9, 8, 9), seed));
    expect(ports).toEqual([7, 7, 7]);
  });

  it('that was just freed is far from being the next', () => {
    const everFree = snapshot(40_000, 65_535);
    const ports = Array.from({ length: 200 }, (_, at) => pickPort(everFree, `bbi0000000000000${at}`));
    expect(new Set(ports).size).toBeGreaterThan(195);
  });

  it.each([
    ['all are taken', snapshot(1, 2, 1, 2)],
    ['there are none', snapshot(2, 1)],
  ])('is not where %s', (_why, of) => {
    expect(pickPort(of, 'i1')).toBeNull();
  });
});
