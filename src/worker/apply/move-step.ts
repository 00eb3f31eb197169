import { GPU_GONE } from '../../reconciler/gone-gpu.js';
import { faulted, restartDelay } from '../../reconciler/instance-transitions.js';
import type { MoveInstance } from '../../reconciler/step.js';
import { moved, newCandidate } from '../../reconciler/transitions.js';
import { explained, place } from '../../scheduler/place.js';
import type { HostSnapshot, PlacementRequest } from '../../scheduler/placement.js';
import { leasedResources } from '../../scheduler/resources.js';
import { changeTo, instanceOf, type Outcome, record, revisionOf, type StepContext, stateOf } from './context.js';
import { lookForImage } from './placement-steps.js';
import { transitionFields } from './tell.js';

/** The host is being looked at by then. */
const UNSEEN_MS = 1_000;

/** Where there is no room, that is said and tried again later; the instance may be back before. */
export async function moveInstance(step: MoveInstance, context: StepContext): Promise<Outcome> {
  const { deps, view } = context;
  const former = instanceOf(context, step.instanceId);
  const revision = revisionOf(context, former.revisionId);
  const { spec } = revision;
  const isAway = view.lost.has(former.host) || view.gone.has(former.host);
  const gpuGone = `host ${former.host} has lost a GPU of the instance (${former.fault?.message ?? 'it cannot be started'})`;
  const known = await deps.hostWork.hosts();
  const usable = (): readonly HostSnapshot[] => known.filter(({ host }) => deps.fleet.config(host.name) !== null);
  const { imageHosts } = await lookForImage(revision, usable(), context);
  const id = deps.newId('instance');
  const request: PlacementRequest = {
    gpus: spec.gpus,
    resources: spec.resources,
    needsPort: spec.runtime === 'HTTP',
    portSeed: id,
    imageHosts,
  };
  // Chosen and taken in one turn, as every placement is.
  const snapshots = usable();
  const placed = place(request, snapshots);
  if (!placed.ok) {
    const message = isAway
      ? `host ${former.host} is lost, and no other has room`
      : `${gpuGone}, and there is no room for another one`;
    const fault = { step: step.kind, kind: 'TRANSIENT', message: `${message}: ${explained(placed)}` } as const;
    const more = isAway ? { jitter: deps.random() } : { reason: GPU_GONE, delayMs: restartDelay(former.restarts) };
    return record(context, faulted(stateOf(context), former.id, { ...fault, ...more }, view.now));
  }
  const { host, port } = placed;
  const gpuUuids = placed.gpus.map(({ uuid }) => uuid);
  const address = snapshots.find((one) => one.host.name === host)?.host.address ?? '';
  const { revisionId, ordinal } = former;
  const made = newCandidate({ id, revisionId, ordinal, host, address, gpuUuids, port }, view.now);
  // Where GPU after GPU cannot be had, each is waited for longer than the one before.
  const successor = isAway ? made : { ...made, restarts: former.restarts };
  const reason = `${isAway ? `host ${former.host} was lost` : gpuGone}: the instance was replaced on ${host}`;
  const devices = { instanceId: id, host, gpuUuids, port, ...leasedResources(spec.resources) };
  const change = changeTo(context, moved(stateOf(context), former.id, successor, reason, view.now));
  const outcome = await deps.work.place(context.lease, { ...change, devices });
  if (outcome === 'UNSEEN') return { delayMs: UNSEEN_MS, clean: true };
  if (outcome === 'PLACED') {
    deps.log.warn(transitionFields(context, { instance: successor, from: former.host, former: former.id }), reason);
  }
  return 'AGAIN';
}
