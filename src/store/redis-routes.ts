import { z } from 'zod';
import type { Route } from '../domain/route.js';
import { decodeRoute, encodeDocument } from './codec.js';
import type { Keys } from './keys.js';
import type { RedisConnection } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import { integer, texts } from './redis-replies.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { ScriptRunner } from './script-runner.js';
import type { RouteStore, Routes } from './work.js';

export interface RedisRoutesDeps {
  readonly scripts: ScriptRunner;
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly keys: Keys;
}

/** One that cannot be read must not cost the others theirs. */
function routesOf(stored: readonly string[]): Pick<Routes, 'routes' | 'unreadable'> {
  const routes: Route[] = [];
  const unreadable: { containerId: string; reason: string }[] = [];
  for (let at = 0; at + 1 < stored.length; at += 2) {
    const [containerId = '', text = ''] = stored.slice(at, at + 2);
    try {
      routes.push(decodeRoute(text));
    } catch (error) {
      unreadable.push({ containerId, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { routes, unreadable };
}

export function createRedisRoutes({ scripts, connection, subscriber, keys }: RedisRoutesDeps): RouteStore {
  return {
    routes: async () => {
      const [version, stored] = z.tuple([integer, texts]).parse(await guarded(scripts.run('routes', {})));
      return { version, ...routesOf(stored) };
    },
    route: async (containerId) => {
      const text = await guarded(connection.call((client) => client.hget(keys.key('routes'), containerId)));
      return text === null ? null : decodeRoute(text);
    },
    onRoute: (listener) =>
      subscriber.on(keys.key('routes-changed'), (message) => {
        const [, containerId, version] = /^(\S+) (\d+)$/.exec(message) ?? [];
        if (containerId !== undefined) listener(containerId, Number(version));
      }),
    version: async () =>
      integer.parse((await guarded(connection.call((client) => client.get(keys.key('route-version'))))) ?? 0),
    report: async (report, ttlMs, wake) => {
      const args = { ingressId: report.ingressId, report: encodeDocument(report), ttlMs, wake };
      return integer.parse(await guarded(scripts.run('report-ingress', args)));
    },
    leave: async (ingressId) => {
      await guarded(scripts.run('leave-ingress', { ingressId }));
    },
  };
}
