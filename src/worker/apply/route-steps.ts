import type { ContainerState } from '../../domain/container-state.js';
import type { Revision } from '../../domain/revision.js';
import { routeOf } from '../../reconciler/route.js';
import type { SwitchRevision } from '../../reconciler/step.js';
import { held, numbered, published, stopBegun, switched } from '../../reconciler/transitions.js';
import { changeTo, loadedAfter, type Outcome, type StepContext, stateOf } from './context.js';
import { tell } from './tell.js';

const routeFor = (context: StepContext, state: ContainerState) => {
  const active = state.activeRevisionId === null ? null : context.loaded.revisions.get(state.activeRevisionId);
  return routeOf(context.view.containerId, state, active ?? null);
};

const publish = async (context: StepContext, state: ContainerState): Promise<Outcome> => {
  const route = routeFor(context, state);
  const version = await context.deps.work.publishRoute(context.lease, { ...changeTo(context, state), route });
  tell(context, 'published a route', { state: route.state, instances: route.targets.length, version });
  return 'AGAIN';
};

export function holdRoute(context: StepContext): Promise<Outcome> {
  return publish(context, held(stateOf(context), context.view.now, context.view.policy.drainTimeoutMs));
}

export async function beginStop(context: StepContext): Promise<Outcome> {
  const { view, lease, deps } = context;
  const state = stopBegun(stateOf(context), view.now, view.policy.drainTimeoutMs);
  const version = await deps.work.beginStop(lease, { ...changeTo(context, state), route: routeFor(context, state) });
  if (version !== null) tell(context, 'lets nobody in any more', { version });
  return 'AGAIN';
}

export function publishRoute(context: StepContext): Promise<Outcome> {
  return publish(context, published(stateOf(context), context.view.now));
}

export async function switchRevision(step: SwitchRevision, context: StepContext): Promise<Outcome> {
  const state = switched(stateOf(context), context.view.now, context.view.policy);
  const revisionId = state.activeRevisionId;
  if (revisionId === null) throw new Error(`a switch to instance ${step.instanceId} without a rollout`);
  const change = { ...changeTo(context, state), revisionId, route: routeFor(context, state) };
  const outcome = await context.deps.work.switchRevision(context.lease, change);
  if (outcome === null) return 'AGAIN';
  const { version, ingresses } = outcome;
  tell(context, 'switched the active revision', { instance: step.instanceId, version });
  // One that has come since the reading may have applied anything.
  if (ingresses > 0 && context.loaded.ingresses.length === 0) return 'AGAIN';
  const loaded = loadedAfter(context, { ...change, state: numbered(state, version) });
  const revisions = new Map(
    [...loaded.revisions].map(([id, one]) => [id, { ...one, status: statusOf(one, revisionId) }]),
  );
  return { loaded: { ...loaded, revisions, ingresses: ingresses === 0 ? [] : loaded.ingresses } };
}

function statusOf({ id, status }: Revision, activeId: string): Revision['status'] {
  if (id === activeId) return 'ACTIVE';
  return status === 'ACTIVE' ? 'OBSOLETE' : status;
}
