import type { Route } from '../../../src/domain/route.js';
import type { RouteStore } from '../../../src/store/work.js';
import { routeOf } from '../store-fixture.js';
import { until } from '../until.js';

/** A store of routes and how a test writes to it, which is not for ingresses to do. */
export interface RoutesUnderTest {
  /** As an ingress has it. */
  readonly routes: RouteStore;
  /** A container that may have a route. */
  container(): Promise<string>;
  publish(route: Omit<Route, 'version'>): Promise<number>;
  remove(containerId: string): Promise<void>;
}

/** What a store of routes promises to ingresses; empty before each test. */
export function routesContract(open: () => RoutesUnderTest): void {
  test('a route is read as it was published, under a version that only grows', async () => {
    const { routes, container, publish } = open();
    expect(await routes.version()).toBe(0);
    expect(await routes.routes()).toEqual({ version: 0, routes: [], unreadable: [] });
    const ids = [await container(), await container()];
    const [first, second] = ids.map((id) => routeOf(id)) as [Omit<Route, 'version'>, Omit<Route, 'version'>];
    const one = await publish(first);
    const two = await publish(second);
    const held = { ...first, state: 'HELD' } as const;
    const three = await publish(held);
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThan(one);
    expect(three).toBeGreaterThan(two);
    expect(await routes.version()).toBe(three);
    expect(await routes.route(first.containerId)).toEqual({ ...held, version: three });
    expect(await routes.route('none')).toBeNull();
    const all = await routes.routes();
    expect(all.version).toBe(three);
    expect(all.routes).toHaveLength(2);
    expect(all.routes).toContainEqual({ ...held, version: three });
    expect(all.routes).toContainEqual({ ...second, version: two });
  });

  test('a change is heard with its version, and a removal is one', async () => {
    const { routes, container, publish, remove } = open();
    const id = await container();
    const heard: [string, number][] = [];
    const stop = routes.onRoute((containerId, version) => heard.push([containerId, version]));
    let version = 0;
    // What is published before the listener's connection stands is heard by nobody.
    await until('changes are heard', async () => {
      version = await publish(routeOf(id));
      return heard.some((one) => one[0] === id);
    });
    await until('the last one is heard', () => heard.some((one) => one[0] === id && one[1] === version));
    await remove(id);
    const last = await routes.version();
    expect(last).toBeGreaterThan(version);
    expect(await routes.routes()).toEqual({ version: last, routes: [], unreadable: [] });
    expect(await routes.route(id)).toBeNull();
    await until('the removal is heard', () => heard.some((one) => one[0] === id && one[1] === last));
    stop();
  });

  test('heartbeats are answered with the version, and one that left may leave again', async () => {
    const { routes, container, publish } = open();
    const report = { ingressId: 'a', appliedVersion: 0, busyInstances: [] };
    expect(await routes.report(report, 60_000, [])).toBe(0);
    const version = await publish(routeOf(await container()));
    expect(await routes.report(report, 60_000, [])).toBe(version);
    await routes.leave('a');
    await expect(routes.leave('a')).resolves.toBeUndefined();
  });
}
