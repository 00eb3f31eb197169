import type { Redis } from 'ioredis';
import { createKeys } from './keys.js';
import { createRecordReads } from './record-reads.js';
import type { Records } from './records.js';
import { createRedisConnection } from './redis-connection.js';
import { createRedisContainerWork } from './redis-container-work.js';
import { createRedisControlPlane } from './redis-control-plane.js';
import { guarded } from './redis-faults.js';
import { createHostRecords } from './redis-host-records.js';
import { createRedisHostWork } from './redis-host-work.js';
import { createFencedScripts } from './redis-leases.js';
import { createRedisOperationWatch } from './redis-operation-watch.js';
import { createRedisParking } from './redis-parking.js';
import { createPlacementFeed } from './redis-placement-feed.js';
import { createRedisRecords } from './redis-records.js';
import { texts } from './redis-replies.js';
import { createRedisRoutes } from './redis-routes.js';
import { createRedisScripts } from './redis-scripts.js';
import { createRedisSubscriber } from './redis-subscriber.js';
import { createRedisWorkQueue } from './redis-work-queue.js';
import type { ScriptRunner } from './script-runner.js';
import { DEFAULT_STORE_SETTINGS, type StoreSettings } from './settings.js';
import type { ContainerWork, ControlPlane, HostWork, OperationWatch, Parking, RouteStore, WorkQueue } from './work.js';

export interface Store {
  readonly records: Records;
  readonly queue: WorkQueue;
  readonly parking: Parking;
  readonly containerWork: ContainerWork;
  readonly hostWork: HostWork;
  readonly watch: OperationWatch;
  readonly routes: RouteStore;
  readonly controlPlane: ControlPlane;
}

export interface StoreDeps {
  /** Makes a connection (createRedisClient); called twice: one to ask, one to listen. */
  readonly connect: () => Redis;
  readonly settings?: Partial<StoreSettings>;
  /** First part of every key: several control planes may share one Redis under different names. */
  readonly keyspace?: string;
  /** Stands between the store and its scripts: see ScriptRunner. */
  readonly wrapScripts?: (runner: ScriptRunner) => ScriptRunner;
}

/** The whole store on one Redis. `controlPlane.close` ends its connections. */
export function createStore({ connect, settings, keyspace, wrapScripts = (runner) => runner }: StoreDeps): Store {
  const keys = createKeys(keyspace);
  const client = connect();
  const connection = createRedisConnection(client);
  const channels = [keys.key('hints'), keys.key('routes-changed'), keys.key('operations-ended')];
  const subscriber = createRedisSubscriber(connect(), channels);
  const scripts = wrapScripts(
    createRedisScripts({ connection, keys, settings: { ...DEFAULT_STORE_SETTINGS, ...settings } }),
  );
  const fenced = createFencedScripts(scripts);
  const records = createRedisRecords({
    scripts,
    read: createRecordReads(scripts),
    hosts: createHostRecords({ connection, keys }),
  });
  const feed = createPlacementFeed({ scripts, connectionNumber: connection.number });
  const ended = async (operationIds: readonly string[]) =>
    texts.parse(await guarded(scripts.run('ended', { operationIds })));
  const close = async () => {
    await Promise.all([subscriber.close(), connection.close()]);
  };
  return {
    records,
    queue: createRedisWorkQueue({ scripts, connection, subscriber, keys }),
    parking: createRedisParking({ fenced, connection, keys }),
    containerWork: createRedisContainerWork(fenced, feed),
    hostWork: createRedisHostWork({ scripts, fenced, feed, connection, keys }),
    watch: createRedisOperationWatch({ read: records.operation, ended, subscriber, keys }),
    routes: createRedisRoutes({ scripts, connection, subscriber, keys }),
    controlPlane: createRedisControlPlane({ scripts, connection, keys, close }),
  };
}
