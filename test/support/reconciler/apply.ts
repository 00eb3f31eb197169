import { isDeepStrictEqual } from 'node:util';
import { instanceName } from '../../../src/domain/observed-instance.js';
import { CONTROL_PLANE } from '../../../src/domain/operation.js';
import { stopFirstImpossible } from '../../../src/reconciler/failures.js';
import * as one from '../../../src/reconciler/instance-transitions.js';
import { isSpared, madeAnew } from '../../../src/reconciler/keep.js';
import { plan } from '../../../src/reconciler/plan.js';
import { progressOf } from '../../../src/reconciler/progress.js';
import { routeOf } from '../../../src/reconciler/route.js';
import type { PlaceInstance, RemoveContainer, Step } from '../../../src/reconciler/step.js';
import { planTakeover } from '../../../src/reconciler/takeover.js';
import * as all from '../../../src/reconciler/transitions.js';
import type { ContainerView } from '../../../src/reconciler/view.js';
import { reverting } from '../../../src/reconciler/watch.js';
import { noSuitableHost } from '../../../src/scheduler/no-suitable-host.js';
import { place as chooseHost } from '../../../src/scheduler/place.js';
import { placeRollout } from '../../../src/scheduler/place-rollout.js';
import { pickPort } from '../../../src/scheduler/port.js';
import { CHANGES_DOCKER, DEMANDS_LOOK, LASTING_MS } from '../../../src/worker/sight.js';
import { type Behaviour, Crash, EngineFault, type SimContainer, type World } from './world.js';

/** Plans and applies one step of a container; a crash is followed by the next holder's take-over. Returns the step. */
export function takeStep(world: World, container: SimContainer): Step {
  world.now += 5;
  const { view, step } = planOn(world, container);
  container.takenOver ||= view.unobserved.size === 0 && planTakeover(view) === null;
  try {
    world.progress(container, progressOf(step, view));
    apply(world, container, view, step);
  } catch (error) {
    if (error instanceof Crash) world.takeOver(container, false);
    else if (error instanceof EngineFault && 'instanceId' in step) {
      const reason = error.reason === undefined ? {} : { reason: error.reason };
      const fault = { step: step.kind, kind: error.kind, message: error.message, ...reason };
      container.state = one.faulted(container.state, step.instanceId, fault, world.now);
    } else throw error;
    container.look = null;
  }
  goOn(world, container, step);
  return step;
}

/** As the worker does: on its last look, unless that is too old or the step takes something away. */
function planOn(world: World, container: SimContainer): { view: ContainerView; step: Step } {
  const now = world.view(container);
  const hosts = new Set(container.state.instances.map(({ host }) => host));
  const { look } = container;
  const lasts = look !== null && now.now - look.at < LASTING_MS && [...hosts].every((host) => look.hosts.has(host));
  if (look !== null && lasts && container.takenOver) {
    const view = { ...now, observed: look.observed, unobserved: new Map(), lost: new Set<string>() };
    const step = plan(view);
    if (!DEMANDS_LOOK.has(step.kind)) return { view, step };
  }
  container.look = now.unobserved.size === 0 ? { at: now.now, hosts, observed: now.observed } : null;
  const step = plan(now);
  if (step.kind === 'WAIT' && step.until === null) checkRest(now, step);
  return { view: now, step };
}

const LATER_MS = [1, 60_000, 365 * 86_400_000];

/** Looks at hosts rely on it: nothing that is left out of a container's mark, and no time that passes, gives anything to do where there was nothing. */
function checkRest(view: ContainerView, rest: Step): void {
  const { running, queued, unclean, unobserved, state, now } = view;
  if (running !== null || queued !== null || unclean || unobserved.size > 0) return;
  const busy = { ingressId: 'i', appliedVersion: 0, busyInstances: state.instances.map(({ id }) => id) };
  const elsewhere = {
    ingresses: [busy],
    capacityVersion: view.capacityVersion + 1,
    capacityWanted: !view.capacityWanted,
  };
  for (const later of LATER_MS.map((ms) => ({ ...view, now: now + ms, fence: view.fence + 1 }))) {
    for (const other of [later, { ...later, ...elsewhere }, { ...later, ingresses: [] }]) {
      if (!isDeepStrictEqual(plan(other), rest)) {
        throw new Error(`what rested does not: ${JSON.stringify([rest, plan(other), state])}`);
      }
    }
  }
}

function goOn(world: World, container: SimContainer, step: Step): void {
  const { look } = container;
  if (look === null) return;
  if (step.kind === 'CREATE_CONTAINER' || step.kind === 'START_CONTAINER') {
    const others = look.observed.filter(({ identity }) => identity.instanceId !== step.instanceId);
    const own = world.docker.filter(({ identity }) => identity.instanceId === step.instanceId);
    container.look = { ...look, observed: [...others, ...own.map((docker) => ({ ...docker }))] };
  } else if (step.kind === 'WAIT' || CHANGES_DOCKER.has(step.kind)) container.look = null;
}

function apply(world: World, container: SimContainer, view: ContainerView, step: Step): void {
  const { state, now } = view;
  const { drainTimeoutMs, watchWindowMs } = view.policy;
  const active = (next: typeof state) => view.revisions.get(next.activeRevisionId ?? '') ?? null;
  const behaviourOf = (instanceId: string) => {
    const instance = state.instances.find(({ id }) => id === instanceId);
    return container.revisions.get(instance?.revisionId ?? '')?.spec.image.url as Behaviour | undefined;
  };
  switch (step.kind) {
    case 'WAIT':
      return;
    case 'HALT':
      throw new Error(`halted: ${step.reason}`);
    case 'TAKE_OPERATION': {
      const { queued } = view;
      if (!queued) throw new Error('nothing is queued');
      return world.write(container, all.operationTaken(state, queued, now), () =>
        world.edit(container, queued.id, { state: 'RUNNING' }),
      );
    }
    case 'PLACE_INSTANCE':
      return place(world, container, view, step);
    case 'RECALL_INSTANCE':
      return world.write(container, all.recalled(state, step.instanceId, now));
    case 'MOVE_PORT':
      return movePort(world, container, view, step.instanceId);
    case 'MOVE_INSTANCE':
      return moveInstance(world, container, view, step.instanceId);
    case 'PULL_IMAGE':
      world.call(hostOf(view, step.instanceId), () => {});
      if (behaviourOf(step.instanceId) === 'NO_IMAGE') throw new EngineFault('PERMANENT');
      return world.write(container, one.pulled(state, step.instanceId, now));
    case 'CREATE_CONTAINER':
      if (behaviourOf(step.instanceId) === 'NO_CREATE') throw new EngineFault('PERMANENT');
      if (behaviourOf(step.instanceId) === 'FULL_DISK') throw new EngineFault('TRANSIENT');
      return create(world, container, view, step.instanceId);
    case 'START_CONTAINER': {
      const behaviour = behaviourOf(step.instanceId) ?? 'WELL';
      if (behaviour === 'NO_START') throw new EngineFault('PERMANENT');
      world.call(hostOf(view, step.instanceId), () => world.start(step.name, behaviour));
      const engineStartedAt = world.docker.find(({ name }) => name === step.name)?.startedAt ?? null;
      const start = { engineStartedAt, restart: step.restart };
      return world.write(container, one.started(state, step.instanceId, start, now));
    }
    case 'STOP_CONTAINER':
      world.call(hostOf(view, step.instanceId), () => world.stop(step.name));
      return world.write(container, one.stopped(state, step.instanceId, now));
    case 'RENAME_CONTAINER':
      return world.call(step.host, () => world.rename(step.name, step.newName));
    case 'REMOVE_CONTAINER':
      expectNotKept(world, view, step);
      return world.call(step.host, () => world.remove(step.name));
    case 'PROBE_INSTANCE': {
      if (behaviourOf(step.instanceId) !== 'ILL' && !world.sick.has(step.instanceId))
        return world.write(container, one.healthy(state, step.instanceId, now, watchWindowMs));
      const fault = { step: step.kind, kind: 'TRANSIENT', message: 'ill', delayMs: 1000 } as const;
      return world.write(container, one.faulted(state, step.instanceId, fault, now));
    }
    case 'HOLD_ROUTE': {
      const next = all.held(state, now, drainTimeoutMs);
      return world.writeRoute(container, next, routeOf(container.id, next, active(next)));
    }
    case 'BEGIN_STOP': {
      const next = all.stopBegun(state, now, drainTimeoutMs);
      return world.writeRoute(container, next, routeOf(container.id, next, active(next)));
    }
    case 'PUBLISH_ROUTE': {
      const next = all.published(state, now);
      return world.writeRoute(container, next, routeOf(container.id, next, active(next)));
    }
    case 'SWITCH_REVISION': {
      const next = all.switched(state, now, view.policy);
      return world.writeRoute(container, next, routeOf(container.id, next, active(next)), () => {
        for (const [id, revision] of container.revisions) {
          if (id === next.activeRevisionId) container.revisions.set(id, { ...revision, status: 'ACTIVE' });
          else if (revision.status === 'ACTIVE') container.revisions.set(id, { ...revision, status: 'OBSOLETE' });
        }
      });
    }
    case 'HAND_OVER_DEVICES':
    case 'TAKE_DEVICES_BACK': {
      const { fromInstanceId: from, toInstanceId: to } = step;
      return world.write(container, all.devicesMoved(state, from, to, now), () => world.move(from, to));
    }
    case 'FREE_DEVICES':
      return world.write(container, one.devicesFreed(state, step.instanceId, now), () =>
        world.release(step.instanceId),
      );
    case 'SET_ROLE':
      return world.write(container, one.roleSet(state, step.instanceId, step.role, step.reason, now));
    case 'NOTE_EXIT':
      return world.write(container, one.exited(state, step, now));
    case 'NOTE_AWAY':
      return world.write(container, one.awayNoted(state, step.away));
    case 'REVERT': {
      const { activeRevisionId: from } = state;
      const own = {
        revisionId: step.revisionId,
        createdBy: CONTROL_PLANE,
        description: `from ${from}: ${step.reason}`,
      };
      return world.write(container, reverting(state, now), () => world.submit(container, 'ROLLBACK', own));
    }
    case 'FORGET_INSTANCE':
      return world.write(container, one.forgotten(state, step.instanceId));
    case 'UNDO_ROLLOUT':
      return world.write(container, all.undone(state, step.failure, now));
    case 'COMPLETE_OPERATION':
      return world.write(container, all.completed(state, now), () => {
        const operation = container.operations.find(({ id }) => id === step.operationId);
        world.end(container, step.operationId, step.failure);
        if (step.failure && operation?.kind === 'DEPLOY') container.revisions.delete(operation.revisionId ?? '');
      });
    case 'REMOVE_RECORDS':
      return world.write(container, state, () => {
        world.end(container, step.operationId);
        container.status = 'GONE';
      });
    default:
      return step satisfies never;
  }
}

/** Of a stopped container the files of what served are not to be lost; of two Docker containers of an instance one is a late create. */
function expectNotKept({ docker }: World, { state, status }: ContainerView, step: RemoveContainer): void {
  const own = docker.filter(({ identity }) => identity.instanceId === step.instanceId);
  const holdsFiles = own.length === 1 && own[0]?.state !== 'CREATED';
  if (status !== 'DELETING' && holdsFiles && isSpared(state, step.instanceId))
    throw new Error(`${step.name} is removed, which is to be started: ${step.reason}`);
}

function place(world: World, container: SimContainer, view: ContainerView, step: PlaceInstance): void {
  const { state, now } = view;
  const revision = view.revisions.get(step.revisionId);
  if (!revision) throw new Error('places a revision that is gone');
  const former = state.instances.find(({ role }) => role === 'SERVING');
  const retained = state.instances.find(({ id }) => id === step.retainedInstanceId) ?? null;
  const { gpus, resources, rolloutOrder: order } = revision.spec;
  const fresh = { id: world.nextId('i'), revisionId: revision.id, ordinal: 0 };
  const request = { gpus, resources, needsPort: true, portSeed: fresh.id, imageHosts: null };
  const rollout = { request, order, former: former ? { instance: former, resources: null } : null, retained };
  const decision = placeRollout(rollout, world.snapshots());
  switch (decision.kind) {
    case 'BLOCKED':
      return world.write(container, all.blocked(state, decision.message, now, view.capacityVersion));
    case 'REFUSED':
      return world.write(container, all.undone(state, stopFirstImpossible(decision.message), now));
    case 'IMPOSSIBLE':
      return world.write(container, all.undone(state, noSuitableHost(decision.refused), now));
    case 'STOP_FIRST': {
      const { host, address, gpuUuids, port } = decision.former;
      const made = decision.retained ?? all.newCandidate({ ...fresh, host, address, gpuUuids, port }, now);
      const note = decision.retained === null ? madeAnew(view, step) : '';
      return world.write(container, all.stopFirstChosen(state, made, note, now));
    }
    case 'RETAINED':
      return world.write(container, all.placed(state, decision.instance, '', now), () =>
        world.lease(decision.instance),
      );
    case 'NEW': {
      const { host, port, gpus: devices } = decision.placed;
      const gpuUuids = devices.map(({ uuid }) => uuid);
      const made = all.newCandidate({ ...fresh, host, address: host, port, gpuUuids }, now);
      return world.write(container, all.placed(state, made, madeAnew(view, step), now), () => world.lease(made));
    }
  }
}

function moveInstance(world: World, container: SimContainer, view: ContainerView, formerId: string): void {
  const { state, now } = view;
  const former = state.instances.find(({ id }) => id === formerId);
  const revision = view.revisions.get(former?.revisionId ?? '');
  if (!former || !revision) throw new Error('moves an instance without a record or a revision');
  const id = world.nextId('i');
  const { gpus, resources } = revision.spec;
  const request = { gpus, resources, needsPort: true, portSeed: id, imageHosts: null };
  const placed = chooseHost(request, world.snapshots());
  if (!placed.ok) {
    const fault = { step: 'MOVE_INSTANCE', kind: 'TRANSIENT', message: 'no room' } as const;
    return world.write(container, one.faulted(state, formerId, fault, now));
  }
  const { host, port } = placed;
  const gpuUuids = placed.gpus.map(({ uuid }) => uuid);
  const successor = all.newCandidate(
    { id, revisionId: revision.id, ordinal: 0, host, address: host, gpuUuids, port },
    now,
  );
  const moved = all.moved(state, formerId, successor, 'its host was lost', now);
  return world.write(container, moved, () => world.lease(successor));
}

function create(world: World, container: SimContainer, view: ContainerView, instanceId: string): void {
  const intended = one.createIntended(view.state, instanceId);
  world.write(container, intended);
  const instance = intended.instances.find(({ id }) => id === instanceId);
  if (!instance) throw new Error('creates an instance without a record');
  const { fence } = container;
  const { revisionId, ordinal, host, gpuUuids, port } = instance;
  const { generation } = intended;
  const identity = { controlPlaneId: 'p', containerId: container.id, revisionId, instanceId, ordinal, generation };
  const plain = { specHash: '', exitCode: 0, oomKilled: false, error: '', startedAt: '', health: null, imageId: '' };
  const created = { ...plain, host, fence, state: 'CREATED', gpuUuids, port } as const;
  world.call(host, () => world.create({ ...created, identity: { ...identity, operationId: view.running?.id ?? '' } }));
  const name = instanceName(instanceId, fence);
  if (!world.docker.some((docker) => docker.name === name)) throw new Error(`${name} was not created`);
  world.write(container, one.created(intended, instanceId, view.now));
}

function movePort(world: World, container: SimContainer, view: ContainerView, instanceId: string): void {
  const instance = view.state.instances.find(({ id }) => id === instanceId);
  const snapshot = world.snapshots().find(({ host }) => host.name === instance?.host);
  if (!instance?.leased || !snapshot) throw new Error('moves the port of an instance without leases');
  const takenPorts = new Set([...snapshot.takenPorts, ...instance.avoidPorts]);
  const port = pickPort({ ...snapshot, takenPorts }, `${instanceId}:${instance.port}`);
  if (port === null) {
    const fault = { step: 'MOVE_PORT', kind: 'TRANSIENT', message: 'no port is left' } as const;
    return world.write(container, one.faulted(view.state, instanceId, fault, view.now));
  }
  const moved = one.portMoved(view.state, instanceId, port, view.now);
  world.write(container, moved, () => world.movePort(instance, port));
}

function hostOf(view: ContainerView, instanceId: string): string {
  return view.state.instances.find(({ id }) => id === instanceId)?.host ?? '';
}
