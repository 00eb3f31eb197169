import type { Store } from '../../../../src/store/redis-store.js';
import { type Lease, NEXT_ROUTE_VERSION } from '../../../../src/store/work.js';
import { activeContainer, deploy, instanceOf, routeOf, stateOf, submit, switched } from '../../store-fixture.js';
import { until } from '../../until.js';
import { routesContract } from '../routes-contract.js';
import { twoBeforeEach } from './two-stores.js';

const byId = (one: { ingressId: string }, other: { ingressId: string }) => one.ingressId.localeCompare(other.ingressId);

/** What routes promise that a worker publishes. */
export function publishedRoutesContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  routesContract(() => {
    const leases = new Map<string, Lease>();
    const held = (id: string) => {
      const found = leases.get(id);
      if (found === undefined) throw new Error(`there is no container ${id}`);
      return found;
    };
    return {
      routes: other.routes,
      container: async () => {
        const container = await activeContainer(store);
        leases.set(container.id, container.held);
        return container.id;
      },
      publish: (route) => {
        const { containerId } = route;
        return store.containerWork.publishRoute(held(containerId), { containerId, state: stateOf(), route });
      },
      remove: async (containerId) => {
        const { operationId } = await submit(store, 'DELETE', containerId);
        const change = { containerId, state: stateOf(), operationId };
        await store.containerWork.takeOperation(held(containerId), change);
        await store.containerWork.removeContainer(held(containerId), containerId, operationId);
      },
    };
  });

  test('a switch numbers the route and the state alike, and ingresses hear of it', async () => {
    const heard: [string, number][] = [];
    const stop = other.routes.onRoute((containerId, version) => heard.push([containerId, version]));
    const { id, held } = await activeContainer(store);
    const { revisionId, operationId } = await deploy(store, id);
    const instance = { ...instanceOf(revisionId), drainVersion: NEXT_ROUTE_VERSION };
    const state = stateOf({ instances: [instance], message: `not ${NEXT_ROUTE_VERSION}` });
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
    const route = routeOf(id, { revisionId });
    await store.routes.report({ ingressId: 'a', appliedVersion: 0, busyInstances: [] }, 60_000, []);
    const { version, ingresses } = await switched(store, held, { containerId: id, state, revisionId, route });
    expect(ingresses).toBe(1);
    await store.routes.leave('a');
    expect((await store.records.container(id))?.state).toEqual({
      ...state,
      instances: [{ ...instance, drainVersion: version }],
    });
    expect(await other.routes.routes()).toEqual({ version, routes: [{ ...route, version }], unreadable: [] });
    expect(await other.routes.route('none')).toBeNull();
    await until('the switch is heard', () => heard.some((one) => one[0] === id && one[1] === version));
    const next = await store.containerWork.publishRoute(held, { containerId: id, state, route });
    expect(next).toBeGreaterThan(version);
    stop();
  });

  test('live ingresses show until they leave or lapse, and wake what waits for them', async () => {
    const { id, held } = await activeContainer(store);
    const report = { ingressId: 'a', appliedVersion: 3, busyInstances: ['i'] };
    await store.routes.report(report, 60_000, []);
    await store.routes.report({ ...report, ingressId: 'brief' }, 1, []);
    await store.routes.report({ ...report, ingressId: 'later' }, 1, []);
    const live = async () => (await store.containerWork.load(held, id))?.ingresses.toSorted(byId) ?? [];
    const missed = { appliedVersion: 0, busyInstances: [] };
    // Redis itself may have been away: whoever was only missed is waited for yet, and is back with its next report.
    await until('both lapse', async () => (await live()).filter((one) => one.appliedVersion === 0).length === 2);
    expect(await live()).toEqual([report, { ingressId: 'brief', ...missed }, { ingressId: 'later', ...missed }]);
    await store.routes.report({ ...report, ingressId: 'later' }, 60_000, []);
    await until('one is given up', async () => (await live()).length === 2);
    expect(await live()).toEqual([report, { ...report, ingressId: 'later' }]);
    await store.routes.leave('later');
    await store.queue.release(held, { delayMs: null, clean: true });
    await store.queue
      .take(5, 60_000)
      .then((leases) => Promise.all(leases.map((one) => store.queue.release(one, { delayMs: null, clean: true }))));
    await store.routes.report(report, 60_000, [id]);
    expect((await store.queue.take(5, 60_000)).map(({ key }) => key)).toEqual([`container/${id}`]);
    await store.routes.leave('a');
  });
}
