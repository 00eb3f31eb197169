import type { IngressReport, Route } from '../../src/domain/route.js';
import type { RouteStore } from '../../src/store/work.js';

/** A RouteStore in this process, with the faults that a store far away has. */
export interface MemoryRoutes extends RouteStore {
  /** Writes a route under the next version, and tells listeners unless `quiet`. Returns the version. */
  publish(route: Omit<Route, 'version'>, quiet?: boolean): number;
  remove(containerId: string): number;
  /** While true every call fails. */
  down: boolean;
  /** While true nothing can be reported, and all can be read. */
  readOnly: boolean;
  /** Containers whose routes cannot be read among all. */
  readonly damaged: string[];
  /** While true routes cannot be read, and all else goes well. */
  mute: boolean;
  /** What ingresses said, oldest first, with the containers that they woke. */
  readonly reports: { readonly report: IngressReport; readonly wake: readonly string[] }[];
  readonly left: string[];
  /** Loses what was written: back to this version. */
  rewind(version: number): void;
}

export function createMemoryRoutes(): MemoryRoutes {
  const listeners = new Set<(containerId: string, version: number) => void>();
  const history: { readonly version: number; readonly routes: ReadonlyMap<string, Route> }[] = [
    { version: 0, routes: new Map() },
  ];
  const present = () => {
    const last = history.at(-1);
    if (last === undefined) throw new Error('the history is never empty');
    return last;
  };

  async function answer<T>(value: () => T): Promise<T> {
    await new Promise(setImmediate);
    if (store.down) throw new Error('the store is down');
    return value();
  }

  function write(containerId: string, route: Omit<Route, 'version'> | null, quiet: boolean): number {
    const version = present().version + 1;
    const routes = new Map(present().routes);
    if (route === null) routes.delete(containerId);
    else routes.set(containerId, { ...route, version });
    history.push({ version, routes });
    if (!quiet && !store.down) for (const listener of listeners) listener(containerId, version);
    return version;
  }

  const store: MemoryRoutes = {
    down: false,
    readOnly: false,
    damaged: [],
    mute: false,
    reports: [],
    left: [],
    publish: (route, quiet = false) => write(route.containerId, route, quiet),
    remove: (containerId) => write(containerId, null, false),
    rewind: (version) => void history.splice(version + 1),
    routes: () =>
      answer(() => {
        if (store.mute) throw new Error('the routes cannot be read');
        const { version, routes } = present();
        const all = [...routes.values()];
        const bad = ({ containerId }: Route) => store.damaged.includes(containerId);
        const unreadable = all.filter(bad).map(({ containerId }) => ({ containerId, reason: 'it is damaged' }));
        return { version, routes: all.filter((route) => !bad(route)), unreadable };
      }),
    route: (containerId) => answer(() => present().routes.get(containerId) ?? null),
    version: () => answer(() => present().version),
    onRoute(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    report: (report, _ttlMs, wake) =>
      answer(() => {
        if (store.readOnly) throw new Error('the store takes no writes');
        store.reports.push({ report, wake });
        return present().version;
      }),
    leave: (ingressId) => answer(() => void store.left.push(ingressId)),
  };
  return store;
}
