/** What the ingress needs to know of one container. Written by SWITCH and by every change of its targets, each time with a new version. */
export interface Route {
  readonly containerId: string;
  /** From a counter that only grows, one for all containers. */
  readonly version: number;
  readonly state: RouteState;
  readonly revisionId: string | null;
  readonly targets: readonly RouteTarget[];
  /** Requests in flight per target; 0 means no limit. */
  readonly concurrency: number;
  /** To the response's headers. */
  readonly executionTimeoutMs: number;
}

/** Stands for the version that the script will assign, wherever the state or a route must name it. */
export const NEXT_ROUTE_VERSION = -9_007_199_254_740_991;

export type RouteChange = Omit<Route, 'version'>;

/**
 * SERVING: to the targets. HELD: requests wait for the next version (stop-first). STOPPED: nothing is to run. EMPTY: nothing was deployed, or it serves
 * no HTTP.
 */
export type RouteState = 'SERVING' | 'HELD' | 'STOPPED' | 'EMPTY';

export interface RouteTarget {
  readonly instanceId: string;
  readonly address: string;
  readonly port: number;
}

/** What a live ingress last said: no request of its goes to a target that left the table before `appliedVersion`. */
export interface IngressReport {
  readonly ingressId: string;
  readonly appliedVersion: number;
  /** Instances outside the present table to which it still holds connections. */
  readonly busyInstances: readonly string[];
}
