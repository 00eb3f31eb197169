import fc from 'fast-check';
import type { Route } from '../../../src/domain/route.js';
import { containerOfHost, createRouteTable } from '../../../src/ingress/routes.js';

function route(containerId: string, version: number, state: Route['state'] = 'SERVING'): Route {
  const targets = [{ instanceId: `i${version}`, address: '10.0.0.1', port: 40000 }];
  return { containerId, version, state, revisionId: 'bbr1', targets, concurrency: 0, executionTimeoutMs: 1000 };
}

describe('route table', () => {
  test('a route never goes backwards, whatever the order in which changes come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (versions) => {
        const table = createRouteTable();
        for (const version of versions) table.applyNext('a', version, route('a', version));
        expect(table.lookup('a')?.version).toBe(Math.max(...versions));
        expect(table.version()).toBe(Math.max(...versions));
      }),
    );
  });

  test('a snapshot adds, changes and removes, and says for which containers', () => {
    const table = createRouteTable();
    table.applySnapshot({ version: 2, routes: [route('a', 1), route('b', 2)] });
    const outcome = table.applySnapshot({ version: 4, routes: [route('b', 2), route('c', 4)] });
    expect(outcome).toEqual({ changed: ['a', 'c'], rewound: false });
    expect(table.lookup('a')).toBeNull();
    expect(table.lookup('c')?.version).toBe(4);
  });

  test('a snapshot of the past does not undo a change that came by itself', () => {
    const table = createRouteTable();
    table.applySnapshot({ version: 3, routes: [route('a', 3)] });
    table.applyNext('a', 4, route('a', 5));
    const outcome = table.applySnapshot({ version: 4, routes: [route('a', 3)] });
    expect(outcome.changed).toEqual([]);
    expect(table.lookup('a')?.version).toBe(5);
  });

  test('a store that lost writes is followed back, and that is told', () => {
    const table = createRouteTable();
    table.applySnapshot({ version: 9, routes: [route('a', 9), route('b', 3)] });
    const outcome = table.applySnapshot({ version: 5, routes: [route('a', 4), route('b', 3)] });
    expect(outcome).toEqual({ changed: ['a'], rewound: true });
    expect(table.version()).toBe(5);
    expect(table.lookup('a')?.version).toBe(4);
  });

  test('a route that was removed is gone; an older removal removes nothing', () => {
    const table = createRouteTable();
    table.applyNext('a', 5, route('a', 5));
    expect(table.applyNext('a', 4, null)).toBe(false);
    expect(table.lookup('a')).not.toBeNull();
    expect(table.applyNext('a', 6, null)).toBe(true);
    expect(table.lookup('a')).toBeNull();
  });

  test('a held route leads nowhere, even if it names targets', () => {
    const table = createRouteTable();
    table.applyNext('a', 1, route('a', 1));
    expect(table.leadsTo('a', 'i1')).toBe(true);
    table.applyNext('a', 2, { ...route('a', 1, 'HELD'), version: 2 });
    expect(table.leadsTo('a', 'i1')).toBe(false);
  });
});

describe('host names', () => {
  test.each([
    ['bba1.containers.localhost', 'bba1'],
    ['BBA1.Containers.LocalHost:8081', 'bba1'],
    ['bba1.containers.localhost.', 'bba1'],
    ['bba1.containers.localhost.:80', 'bba1'],
    ['containers.localhost', null],
    ['.containers.localhost', null],
    ['x.bba1.containers.localhost', null],
    ['bba1.example.com', null],
    ['bba1xcontainers.localhost', null],
    ['127.0.0.1:8081', null],
    ['', null],
  ])('%s names %s', (host, id) => {
    expect(containerOfHost(host, 'containers.localhost')).toBe(id);
  });
});
