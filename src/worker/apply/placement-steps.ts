import type { InstanceRecord } from '../../domain/instance.js';
import type { Revision } from '../../domain/revision.js';
import type { EngineImage } from '../../engine/driver.js';
import { stopFirstImpossible } from '../../reconciler/failures.js';
import { devicesFreed, forgotten, roleSet } from '../../reconciler/instance-transitions.js';
import { madeAnew } from '../../reconciler/keep.js';
import type {
  ForgetInstance,
  FreeDevices,
  HandOverDevices,
  PlaceInstance,
  RecallInstance,
  SetRole,
  TakeDevicesBack,
} from '../../reconciler/step.js';
import {
  blocked,
  devicesMoved,
  newCandidate,
  placed,
  recalled,
  stopFirstChosen,
  undone,
} from '../../reconciler/transitions.js';
import { noSuitableHost } from '../../scheduler/no-suitable-host.js';
import { placeRollout } from '../../scheduler/place-rollout.js';
import type { HostSnapshot, ImageHosts } from '../../scheduler/placement.js';
import { leasedResources } from '../../scheduler/resources.js';
import {
  changeTo,
  foundFor,
  instanceOf,
  leadingTo,
  loadedAfter,
  type Outcome,
  record,
  revisionOf,
  type StepContext,
  save,
  stateOf,
} from './context.js';
import { tell } from './tell.js';

export async function placeInstance(step: PlaceInstance, context: StepContext): Promise<Outcome> {
  const revision = revisionOf(context, step.revisionId);
  const known = await context.deps.hostWork.hosts();
  // A host that was taken out of the configuration keeps its record until it is looked at, and is no place for anything new.
  const configured = () => known.filter(({ host }) => context.deps.fleet.config(host.name) !== null);
  const fresh = { id: context.deps.newId('instance'), revisionId: revision.id, ordinal: step.ordinal };
  const { placement, images } = await rolloutPlacement(step, revision, fresh.id, configured(), context);
  // Chosen and taken in one turn: what others of this process take is in the list from then on.
  const snapshots = configured();
  const decision = placeRollout(placement, snapshots);
  const { now } = context.view;
  const address = (host: string): string => snapshots.find((one) => one.host.name === host)?.host.address ?? '';
  switch (decision.kind) {
    case 'BLOCKED':
      if (stateOf(context).rollout?.blocked?.message !== decision.message)
        tell(context, 'no host has room', { reason: decision.message });
      return save(context, blocked(stateOf(context), decision.message, now, context.view.capacityVersion));
    case 'REFUSED':
      return save(context, undone(stateOf(context), stopFirstImpossible(decision.message), now));
    case 'IMPOSSIBLE': {
      const failure = { ...noSuitableHost(decision.refused), metadata: { step: 'PLACE' } };
      return save(context, undone(stateOf(context), failure, now));
    }
    case 'RETAINED':
      return lease(decision.instance, revision, { note: '' }, context);
    case 'NEW': {
      const { host, port, gpus } = decision.placed;
      const gpuUuids = gpus.map((gpu) => gpu.uuid);
      const image = images.get(host);
      const candidate = newCandidate({ ...fresh, host, address: address(host), port, gpuUuids }, now);
      return lease(ready(candidate, image), revision, { note: madeAnew(context.view, step), image }, context);
    }
    case 'STOP_FIRST': {
      const { former, retained } = decision;
      const { host, port, gpuUuids } = former;
      const image = images.get(host);
      const made = () => newCandidate({ ...fresh, host, address: former.address, port, gpuUuids }, now);
      const note = retained === null ? madeAnew(context.view, step) : '';
      const candidate = retained ?? ready(made(), image);
      const chosen = stopFirstChosen(stateOf(context), candidate, note, now);
      const outcome = await save(context, chosen, image && foundFor(revision, image));
      tell(context, 'an instance is to have the devices of the former one', { instance: candidate, former: former.id });
      return outcome;
    }
    default:
      return decision satisfies never;
  }
}

/** An image that was found while looking for a host need not be looked for again: what comes next is the create. */
function ready(candidate: InstanceRecord, image: EngineImage | undefined): InstanceRecord {
  return image === undefined ? candidate : { ...candidate, imageReady: true, createIntended: true };
}

export async function recallInstance({ instanceId }: RecallInstance, context: StepContext): Promise<Outcome> {
  const outcome = await record(context, recalled(stateOf(context), instanceId, context.view.now));
  tell(context, 'took an instance back that was being retired', { instance: instanceId });
  return outcome;
}

/** All of its devices in one script, with the record; or none, and placing starts from a new reading. */
async function lease(
  candidate: InstanceRecord,
  revision: Revision,
  { note, image }: { readonly note: string; readonly image?: EngineImage | undefined },
  context: StepContext,
): Promise<Outcome> {
  const { id: instanceId, host, gpuUuids, port } = candidate;
  const devices = { instanceId, host, gpuUuids, port, ...leasedResources(revision.spec.resources) };
  const state = placed(stateOf(context), candidate, note, context.view.now);
  const start = { kind: 'START_CONTAINER', instanceId, name: '', restart: false } as const;
  const shown = candidate.created ? leadingTo(start, context, state) : context;
  const change = changeTo(shown, state, image && foundFor(revision, image));
  const outcome = await context.deps.work.place(context.lease, { ...change, devices });
  if (outcome === 'UNSEEN') {
    const reason = `${host}: it has not been looked at since Redis was restarted, restored or replaced`;
    const { now, capacityVersion } = context.view;
    return save(context, blocked(stateOf(context), reason, now, capacityVersion));
  }
  if (outcome !== 'PLACED') return 'AGAIN';
  tell(context, 'placed an instance', { instance: candidate, gpus: gpuUuids, port });
  return { loaded: loadedAfter(context, change) };
}

async function rolloutPlacement(
  step: PlaceInstance,
  revision: Revision,
  portSeed: string,
  snapshots: readonly HostSnapshot[],
  context: StepContext,
): Promise<{ placement: Parameters<typeof placeRollout>[0]; images: ReadonlyMap<string, EngineImage> }> {
  const { instances } = stateOf(context);
  const { spec } = revision;
  const serving = instances.find((instance) => instance.role === 'SERVING' && instance.ordinal === step.ordinal);
  const formerRevision = serving && context.loaded.revisions.get(serving.revisionId);
  const { imageHosts, images } = await lookForImage(revision, snapshots, context);
  const placement = {
    request: {
      gpus: spec.gpus,
      resources: spec.resources,
      needsPort: spec.runtime === 'HTTP',
      portSeed,
      imageHosts,
    },
    order: spec.rolloutOrder,
    former: serving ? { instance: serving, resources: formerRevision?.spec.resources ?? null } : null,
    retained: instances.find((instance) => instance.id === step.retainedInstanceId) ?? null,
  };
  return { placement, images };
}

interface ImageLook {
  /** Where an image that came from no registry is; null while any host can have it. */
  readonly imageHosts: ImageHosts | null;
  /** By host, what the hosts were found to have. */
  readonly images: ReadonlyMap<string, EngineImage>;
}

/** Which hosts have the revision's image, where that decides what hosts will do. */
export async function lookForImage(
  revision: Revision,
  snapshots: readonly HostSnapshot[],
  context: StepContext,
): Promise<ImageLook> {
  const { image, spec } = revision;
  if (image === null ? spec.pullPolicy === 'ALWAYS' : image.pullReference !== null)
    return { imageHosts: null, images: new Map() };
  const reference = image?.id ?? spec.image.url;
  const hosts = snapshots.map(({ host }) => host);
  const { images, unasked } = await context.deps.imageLooks.look(reference, hosts);
  context.signal.throwIfAborted();
  const found = [...images.values()];
  const anywhere = image === null && (found.length === 0 || found.some(({ pullReference }) => pullReference !== null));
  return { imageHosts: anywhere ? null : { having: [...images.keys()], unasked }, images };
}

export async function handOverDevices(step: HandOverDevices, context: StepContext): Promise<Outcome> {
  return moveDevices(step.fromInstanceId, step.toInstanceId, context);
}

export async function takeDevicesBack(step: TakeDevicesBack, context: StepContext): Promise<Outcome> {
  return moveDevices(step.fromInstanceId, step.toInstanceId, context);
}

async function moveDevices(from: string, to: string, context: StepContext): Promise<Outcome> {
  const state = devicesMoved(stateOf(context), from, to, context.view.now);
  await context.deps.work.moveDevices(context.lease, { ...changeTo(context, state), from, to });
  tell(context, 'moved devices to another instance', { instance: to, from });
  return 'AGAIN';
}

export async function freeDevices(step: FreeDevices, context: StepContext): Promise<Outcome> {
  const state = devicesFreed(stateOf(context), step.instanceId, context.view.now);
  const { instanceId } = step;
  await context.deps.work.freeDevices(context.lease, { ...changeTo(context, state), instanceId });
  tell(context, 'freed the devices of an instance', { instance: instanceId });
  return 'AGAIN';
}

export async function setRole({ instanceId, role: to, reason }: SetRole, context: StepContext): Promise<Outcome> {
  const instance = instanceOf(context, instanceId);
  const outcome = await record(context, roleSet(stateOf(context), instanceId, to, reason, context.view.now));
  tell(context, 'changed the role of an instance', { instance, from: instance.role, to, reason });
  return outcome;
}

export async function forgetInstance({ instanceId }: ForgetInstance, context: StepContext): Promise<Outcome> {
  const outcome = await record(context, forgotten(stateOf(context), instanceId));
  tell(context, 'forgot an instance', { instance: instanceId });
  return outcome;
}
