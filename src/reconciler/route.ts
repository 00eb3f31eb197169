import type { ContainerState } from '../domain/container-state.js';
import type { Revision } from '../domain/revision.js';
import type { RouteChange, RouteState } from '../domain/route.js';

/** The route that a state asks for. `active` is the record of the state's active revision; null where there is none. */
export function routeOf(containerId: string, state: ContainerState, active: Revision | null): RouteChange {
  const routeState = stateOf(state, active);
  const targets = state.instances.flatMap((instance) => {
    if (routeState !== 'SERVING' || !state.routed.includes(instance.id) || instance.port === null) return [];
    return [{ instanceId: instance.id, address: instance.address, port: instance.port }];
  });
  return {
    containerId,
    state: routeState,
    revisionId: active?.id ?? null,
    targets,
    concurrency: active?.spec.concurrency ?? 0,
    executionTimeoutMs: active?.spec.executionTimeoutMs ?? 0,
  };
}

function stateOf({ rollout, stopped }: ContainerState, active: Revision | null): RouteState {
  if (active?.spec.runtime !== 'HTTP') return 'EMPTY';
  if (stopped) return 'STOPPED';
  const held = rollout !== null && rollout.holdVersion !== null && rollout.switchedVersion === null;
  return held ? 'HELD' : 'SERVING';
}
