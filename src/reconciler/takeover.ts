import { instanceName } from '../domain/observed-instance.js';
import { isUp, observedOfId } from './presence.js';
import type { Step } from './step.js';
import type { ContainerView, HostedInstance } from './view.js';

/**
 * A container from a future that Redis lost: everything stops, since what we would do is based on the past. But for one that never ran, which holds
 * nothing: from that nobody could tell what was wanted.
 */
export function planHalt(view: ContainerView): Step | null {
  const future = view.observed.filter((observed) => observed.identity.generation > view.state.generation);
  const newer = future.find(({ state }) => state !== 'CREATED');
  if (newer === undefined)
    return future[0] === undefined ? null : removal(future[0], 'it never ran, and Redis forgot it');
  const { generation } = newer.identity;
  const reason = `${newer.name} on ${newer.host} is of generation ${generation}, Redis knows ${view.state.generation}: Redis has lost writes`;
  return { kind: 'HALT', reason };
}

/**
 * What has to be out of the way before anything else is done: a second container of an instance (a create that ran late), and, where the
 * former holder's calls may still be under way, the names that they address.
 */
export function planTakeover(view: ContainerView): Step | null {
  for (const instance of view.state.instances) {
    const [kept, ...late] = observedOfId(view, instance.id);
    const doubled = late[0];
    if (doubled !== undefined) return removal(doubled, 'a second container of the instance, made by a late call');
    if (kept === undefined) continue;
    if (!instance.createIntended && !isUp(kept)) return removal(kept, 'made by a late call, nobody wants it');
    const newName = instanceName(instance.id, view.fence);
    if (view.unclean && kept.fence !== view.fence) {
      return { kind: 'RENAME_CONTAINER', host: kept.host, instanceId: instance.id, name: kept.name, newName };
    }
  }
  return null;
}

/**
 * A container whose instance the state does not know, and that never ran, is a late create of a forgotten instance. One that has run
 * may hold data that Redis forgot: it stays, but for the whole container's end (`deleting`).
 */
export function planUnaccounted(view: ContainerView, deleting: boolean): Step | null {
  const isKnown = (id: string) => view.state.instances.some((instance) => instance.id === id);
  const stray = view.observed.find(
    ({ state, identity }) => (deleting || state === 'CREATED') && !isKnown(identity.instanceId),
  );
  return stray === undefined ? null : removal(stray, 'its instance is not known');
}

/** Hosts on which such a step failed and is not due again count as unreachable: nothing may be done there before it. */
export function setApart(view: ContainerView): ContainerView {
  if (view.state.instances.every(({ fault }) => fault === null)) return view;
  const unobserved = new Map(view.unobserved);
  for (const { id, host, fault } of view.state.instances) {
    if (fault === null || fault.retryAt <= view.now) continue;
    const doubled = fault.step === 'REMOVE_CONTAINER' && observedOfId(view, id).length > 1;
    if (doubled || fault.step === 'RENAME_CONTAINER') unobserved.set(host, fault.message);
  }
  if (unobserved.size === view.unobserved.size) return view;
  return { ...view, unobserved, observed: view.observed.filter((observed) => !unobserved.has(observed.host)) };
}

function removal({ host, name, identity }: HostedInstance, reason: string): Step {
  return { kind: 'REMOVE_CONTAINER', host, instanceId: identity.instanceId, name, reason };
}
