import fc from 'fast-check';
import { globMatches } from '../../../src/scheduler/glob.js';
import { admit, explained, place } from '../../../src/scheduler/place.js';
import type { PlacementRequest } from '../../../src/scheduler/placement.js';
import { aHost, aRequest, aSnapshot } from '../../support/reconciler/builders.js';

const gpu = (uuid: string, name = 'NVIDIA H200', memory = 100) => ({ uuid, name, memory });
const gpus = (count: number, model = '', minMemory = 0) => ({ count, model, minMemory });
const cores = (count: number, coreFraction = 100, memory = 0) => ({ memory, cores: count, coreFraction });

describe('place', () => {
  it('takes the host with the fewest instances, then the first by name', () => {
    const busy = aSnapshot(aHost('a'), { instances: 2 });
    const idle = [aSnapshot(aHost('c')), aSnapshot(aHost('b'))];
    expect(place(aRequest(), [busy, ...idle])).toEqual({ ok: true, host: 'b', gpus: [], port: null });
  });

  it('picks the first free devices that suit, in the order of the host, and a free port', () => {
    const host = aHost('a', {
      gpus: [gpu('g1'), gpu('g2', 'Tesla T4'), gpu('g3'), gpu('g4'), gpu('g5')],
      foreignGpus: ['g3'],
    });
    const takenPorts = new Set([0, 1, 2, 3, 4, 6, 7, 8, 9].map((at) => 40_000 + at));
    const snapshot = aSnapshot(host, { takenGpus: new Set(['g1']), takenPorts });
    const placed = place(aRequest({ gpus: gpus(2, '*h200'), needsPort: true }), [snapshot]);
    expect(placed).toEqual({ ok: true, host: 'a', gpus: [gpu('g4'), gpu('g5')], port: 40_005 });
  });

  it('limits nothing where a total is unknown', () => {
    expect(place(aRequest({ resources: cores(1000, 100, 1e15) }), [aSnapshot(aHost('a'))]).ok).toBe(true);
  });

  it('lets fractions of cores fill a host to the brim', () => {
    const snapshot = aSnapshot(aHost('a', { cores: 1 }), { leasedCores: 0.1 + 0.2 });
    expect(place(aRequest({ resources: cores(7, 10) }), [snapshot]).ok).toBe(true);
  });
});

interface Refused {
  readonly name: string;
  readonly request: Partial<PlacementRequest>;
  readonly snapshot: ReturnType<typeof aSnapshot>;
  readonly reason: string;
  readonly possible: boolean;
}

describe('a host that will not do', () => {
  const two = [gpu('g1'), gpu('g2')];
  const cases: Refused[] = [
    {
      name: 'is not reachable',
      request: {},
      snapshot: aSnapshot(aHost('a', { state: 'UNREACHABLE', message: 'connection refused' })),
      reason: 'a is UNREACHABLE: connection refused',
      possible: true,
    },
    {
      name: 'is refused',
      request: {},
      snapshot: aSnapshot(aHost('a', { state: 'REFUSED', message: 'belongs to another control plane' })),
      reason: 'a is REFUSED: belongs to another control plane',
      possible: false,
    },
    {
      name: 'has too few GPUs',
      request: { gpus: gpus(3) },
      snapshot: aSnapshot(aHost('a', { gpus: two })),
      reason: 'a has 2 of 3 GPUs',
      possible: false,
    },
    {
      name: 'has no such GPU',
      request: { gpus: gpus(1, '*A100*') },
      snapshot: aSnapshot(aHost('a', { gpus: two })),
      reason: 'a has 0 of 1 GPUs like "*A100*"',
      possible: false,
    },
    {
      name: 'has GPUs that are too small',
      request: { gpus: gpus(1, '', 101) },
      snapshot: aSnapshot(aHost('a', { gpus: two })),
      reason: 'a has 0 of 1 GPUs with 101 bytes or more',
      possible: false,
    },
    {
      name: 'has GPUs that are smaller than a whole number of GiB',
      request: { gpus: gpus(1, '', 24 * 2 ** 30) },
      snapshot: aSnapshot(aHost('a', { gpus: two })),
      reason: 'a has 0 of 1 GPUs with 24 GiB or more',
      possible: false,
    },
    {
      name: 'has GPUs that are smaller than a whole number of MiB',
      request: { gpus: gpus(1, '', 143_771 * 2 ** 20) },
      snapshot: aSnapshot(aHost('a', { gpus: two })),
      reason: 'a has 0 of 1 GPUs with 143771 MiB or more',
      possible: false,
    },
    {
      name: 'has less memory than is asked for, and no whole number of MiB',
      request: { resources: cores(0, 100, 64 * 2 ** 30) },
      snapshot: aSnapshot(aHost('a', { memory: 67_427_934_209 })),
      reason: 'a has 62.8 GiB of memory, 64 GiB are asked for',
      possible: false,
    },
    {
      name: 'lacks three things at once',
      request: { gpus: gpus(1), resources: cores(2), needsPort: true },
      snapshot: aSnapshot(aHost('a', { gpus: two, cores: 2, ports: { first: 1, last: 1 } }), {
        takenGpus: new Set(['g1', 'g2']),
        takenPorts: new Set([1]),
        leasedCores: 2,
      }),
      reason: 'a has 0 of 1 GPUs free, 2 in all, has 0 of 2 cores left, 2 are asked for and has no port left of 1-1',
      possible: true,
    },
    {
      name: 'has its GPUs taken',
      request: { gpus: gpus(2) },
      snapshot: aSnapshot(aHost('a', { gpus: two }), { takenGpus: new Set(['g2']) }),
      reason: 'a has 1 of 2 GPUs free, 2 in all',
      possible: true,
    },
    {
      name: 'has too little memory left',
      request: { resources: cores(0, 100, 50) },
      snapshot: aSnapshot(aHost('a', { memory: 100 }), { leasedMemory: 60 }),
      reason: 'a has 40 bytes of 100 bytes of memory left, 50 bytes are asked for',
      possible: true,
    },
    {
      name: 'has too little memory at all',
      request: { resources: cores(0, 100, 101) },
      snapshot: aSnapshot(aHost('a', { memory: 100 })),
      reason: 'a has 100 bytes of memory, 101 bytes are asked for',
      possible: false,
    },
    {
      name: 'has too few cores left',
      request: { resources: cores(2) },
      snapshot: aSnapshot(aHost('a', { cores: 4 }), { leasedCores: 2.5 }),
      reason: 'a has 1.5 of 4 cores left, 2 are asked for',
      possible: true,
    },
    {
      name: 'has too few cores at all',
      request: { resources: cores(5) },
      snapshot: aSnapshot(aHost('a', { cores: 4 })),
      reason: 'a has 4 cores, 5 are asked for',
      possible: false,
    },
    {
      name: 'has no port left',
      request: { needsPort: true },
      snapshot: aSnapshot(aHost('a', { ports: { first: 1, last: 2 } }), { takenPorts: new Set([1, 2]) }),
      reason: 'a has no port left of 1-2',
      possible: true,
    },
    {
      name: 'has not the image',
      request: { imageHosts: { having: ['b'], unasked: [] } },
      snapshot: aSnapshot(aHost('a')),
      reason: 'a does not have the image, and no registry can bring it there',
      possible: false,
    },
    {
      name: 'may have the image',
      request: { imageHosts: { having: ['b'], unasked: ['a'] } },
      snapshot: aSnapshot(aHost('a')),
      reason: 'a could not be asked for the image',
      possible: true,
    },
    {
      name: 'will never do says only why never',
      request: { gpus: gpus(3), needsPort: true },
      snapshot: aSnapshot(aHost('a', { gpus: two, ports: { first: 1, last: 1 } }), { takenPorts: new Set([1]) }),
      reason: 'a has 2 of 3 GPUs',
      possible: false,
    },
  ];

  it.each(cases)('$name', ({ request, snapshot, reason, possible }) => {
    const placed = place(aRequest(request), [snapshot]);
    if (placed.ok) throw new Error('was placed');
    expect({ possible: placed.possible, reason: explained(placed) }).toEqual({ possible, reason });
  });

  it('is one of several, each with its reason', () => {
    const placed = place(aRequest({ gpus: gpus(1) }), [
      aSnapshot(aHost('b')),
      aSnapshot(aHost('a', { state: 'UNKNOWN' })),
    ]);
    expect(placed.ok ? '' : explained(placed)).toBe('a has 0 of 1 GPUs; b has 0 of 1 GPUs');
  });
});

describe('admit', () => {
  it('judges hosts as if they were idle', () => {
    const host = aHost('a', { gpus: [gpu('g1')], foreignGpus: ['g1'] });
    expect(admit(aRequest({ gpus: gpus(1) }), [host])).toBeNull();
    expect(admit(aRequest({ gpus: gpus(2) }), [host])?.reasons).toEqual([{ host: 'a', reason: 'has 1 of 2 GPUs' }]);
  });

  it('gives a host that was never observed the benefit of the doubt', () => {
    const host = aHost('a', { state: 'UNKNOWN', observedAt: 0 });
    expect(admit(aRequest({ gpus: gpus(8) }), [host])).toBeNull();
  });

  it('refuses where there are no hosts', () => {
    const refused = admit(aRequest(), []);
    expect(refused && explained(refused)).toBe('there are no hosts');
  });
});

describe('globMatches', () => {
  it.each([
    ['*', '', true],
    ['nvidia h?00', 'NVIDIA H200', true],
    ['*h200*', 'NVIDIA H200 NVL', true],
    ['h200', 'NVIDIA H200', false],
    ['**a*b', 'xaxbxb', true],
    ['a*c', 'abcb', false],
    ['', '', true],
    ['?', '', false],
  ])('%s on %s: %s', (pattern, text, matches) => {
    expect(globMatches(pattern, text)).toBe(matches);
  });

  it('agrees with a plain recursive reading', () => {
    const part = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
    const reads = (pattern: string, text: string): boolean => {
      const [first, rest] = [pattern[0], pattern.slice(1)];
      if (first === undefined) return text === '';
      if (first === '*') return reads(rest, text) || (text !== '' && reads(pattern, text.slice(1)));
      return text !== '' && (first === '?' || first === text[0]) && reads(rest, text.slice(1));
    };
    fc.assert(
      fc.property(part('ab*?'), part('ab'), (pattern, text) => globMatches(pattern, text) === reads(pattern, text)),
    );
  });

  it('does not go astray on many stars', () => {
    expect(globMatches(`${'a*'.repeat(2_000)}b`, 'a'.repeat(4_000))).toBe(false);
  });
});
