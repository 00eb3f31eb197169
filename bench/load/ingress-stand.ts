import type { RouteTarget } from '../../src/domain/route.js';
import { createContainer, lease, openStore, routeOf, run, stateOf } from '../../test/support/store-fixture.js';
import { until } from '../../test/support/until.js';
import type { Stage } from '../stage.js';

/** The built service with nothing but its ingress, and a route that is put into Redis as a worker does. */
export interface IngressStand {
  readonly pid: number;
  readonly port: number;
  /** What callers name as Host. */
  readonly host: string;
  /** Resolves when the ingress sends requests there. */
  routeTo(target: Pick<RouteTarget, 'address' | 'port'>): Promise<void>;
}

const LEASE_MS = 3_600_000;

export async function startIngressStand(stage: Stage): Promise<IngressStand> {
  const redis = await stage.redis();
  const store = openStore(redis.url);
  stage.after(() => store.controlPlane.close());
  const service = await stage.service({ LONGSHORE_ROLES: 'ingress', REDIS_URL: redis.url });
  const { id, operationId } = await createContainer(store);
  const held = await lease(store, `container/${id}`, LEASE_MS);
  await run(store, held, operationId);
  let targets = 0;
  return {
    pid: service.pid,
    port: service.ingressPort,
    host: `${id}.containers.localhost`,
    async routeTo({ address, port }) {
      targets += 1;
      const target = { instanceId: `instance-${targets}`, address, port };
      const route = routeOf(id, { revisionId: 'revision', targets: [target], executionTimeoutMs: 600_000 });
      const version = await store.containerWork.publishRoute(held, { containerId: id, state: stateOf(), route });
      await until('the ingress has applied the route', async () => {
        const loaded = await store.containerWork.load(held, id);
        return loaded?.ingresses.some(({ appliedVersion }) => appliedVersion === version);
      });
    },
  };
}
