import type { ContainerView, ReconcilePolicy } from '../reconciler/view.js';
import type { Lease, LoadedContainer } from '../store/work.js';
import type { Observation } from './observe.js';

const NONE: ReadonlySet<string> = new Set();

/** What there is to plan on: what Redis says of a container and of the hosts that are away, and what Docker shows of it. */
export function viewOf(
  loaded: LoadedContainer,
  {
    observed,
    unobserved,
    lost,
    gone = NONE,
  }: Observation & Pick<ContainerView, 'lost'> & Partial<Pick<ContainerView, 'gone'>>,
  { fence, unclean }: Pick<Lease, 'fence' | 'unclean'>,
  policy: ReconcilePolicy,
): ContainerView {
  const { now, record, revisions, running, queued, deleteRequested, ingresses } = loaded;
  const { capacityVersion, capacityWanted } = loaded;
  const { id: containerId, status, state } = record;
  return {
    now,
    containerId,
    status,
    state,
    revisions,
    running,
    queued,
    deleteRequested,
    ingresses,
    capacityVersion,
    capacityWanted,
    fence,
    unclean,
    observed,
    unobserved,
    lost,
    gone,
    policy,
  };
}
