import type { Route } from '../domain/route.js';

/** What one reading of the store says: every route, and the version up to which that list is complete. */
export interface RouteSnapshot {
  readonly version: number;
  readonly routes: readonly Route[];
}

export interface SnapshotOutcome {
  /** Containers whose route appeared, changed or went. */
  readonly changed: readonly string[];
  /** The store is behind this table: it lost writes. The table has followed it, since that is what workers go by now. */
  readonly rewound: boolean;
}

/**
 * The routes that this ingress goes by. A single route never goes backwards: of two versions the higher one stays, whatever
 * the order in which they come. Only a snapshot may take the table back, and it says so.
 */
export interface RouteTable {
  /** Every change up to here has been applied. */
  version(): number;
  lookup(containerId: string): Route | null;
  /** Whether new requests may go to this instance. Not while its route is HELD, whatever targets that names. */
  leadsTo(containerId: string, instanceId: string): boolean;
  /**
   * Applies change number `version`, which concerns this container; `route` null: it has none any more. The caller has applied
   * all changes before it. False: it was known already.
   */
  applyNext(containerId: string, version: number, route: Route | null): boolean;
  applySnapshot(snapshot: RouteSnapshot): SnapshotOutcome;
}

export function createRouteTable(): RouteTable {
  let version = 0;
  let routes = new Map<string, Route>();

  function applyNext(containerId: string, next: number, route: Route | null): boolean {
    version = Math.max(version, next);
    const present = routes.get(containerId);
    if (route === null) {
      if (present === undefined || present.version > next) return false;
      return routes.delete(containerId);
    }
    if (present !== undefined && present.version >= route.version) return false;
    routes.set(containerId, route);
    return true;
  }

  function applySnapshot(snapshot: RouteSnapshot): SnapshotOutcome {
    const rewound = snapshot.version < version;
    const next = new Map(snapshot.routes.map((route) => [route.containerId, route]));
    if (!rewound) {
      for (const [id, present] of routes) {
        const newer = present.version > Math.max(snapshot.version, next.get(id)?.version ?? 0);
        if (newer) next.set(id, present);
      }
    }
    const changed = changedBetween(routes, next);
    version = snapshot.version;
    routes = next;
    return { changed, rewound };
  }

  return {
    version: () => version,
    lookup: (containerId) => routes.get(containerId) ?? null,
    leadsTo(containerId, instanceId) {
      const route = routes.get(containerId);
      return route?.state === 'SERVING' && route.targets.some((target) => target.instanceId === instanceId);
    },
    applyNext,
    applySnapshot,
  };
}

function changedBetween(before: ReadonlyMap<string, Route>, after: ReadonlyMap<string, Route>): string[] {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].filter((id) => before.get(id)?.version !== after.get(id)?.version);
}

/**
 * The container that a Host header names (`<container id>.<domain>`, any case, any port, with or without the final dot), or
 * null if it is of another domain or of none.
 */
export function containerOfHost(host: string, domain: string): string | null {
  // Asked for every request, so that it looks before it copies.
  const bare = host.includes(':') ? host.replace(/:\d*$/, '') : host;
  const name = (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase();
  const dot = name.indexOf('.');
  return dot > 0 && name.length - dot - 1 === domain.length && name.endsWith(domain.toLowerCase())
    ? name.slice(0, dot)
    : null;
}
