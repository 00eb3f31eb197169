export interface DrainDeps {
  /** Whether the present table leads to this instance. */
  leadsTo(containerId: string, instanceId: string): boolean;
  /** An instance that the table does not lead to any more has nothing in flight any more. */
  onIdle(containerId: string, instanceId: string): void;
  /** A request on an instance ended. */
  onRelease(containerId: string): void;
}

/**
 * Who uses which instance. A request counts from the moment it chose its instance, before anything is sent, so that there is
 * no time in which an instance is about to be used and looks idle.
 */
export interface Drain {
  /** Counts one request or upgraded connection; the returned function ends it, once, however often it is called. */
  use(containerId: string, instanceId: string): () => void;
  inFlight(instanceId: string): number;
  /** Instances in use that the present table does not lead to. */
  busyInstances(): string[];
  /** All requests and upgraded connections in flight. */
  total(): number;
}

export function createDrain({ leadsTo, onIdle, onRelease }: DrainDeps): Drain {
  const used = new Map<string, { readonly containerId: string; count: number }>();
  let total = 0;

  function release(containerId: string, instanceId: string): void {
    const entry = used.get(instanceId);
    if (entry === undefined) return;
    entry.count -= 1;
    total -= 1;
    if (entry.count === 0) {
      used.delete(instanceId);
      if (!leadsTo(containerId, instanceId)) onIdle(containerId, instanceId);
    }
    onRelease(containerId);
  }

  return {
    use(containerId, instanceId) {
      const entry = used.get(instanceId);
      if (entry === undefined) used.set(instanceId, { containerId, count: 1 });
      else entry.count += 1;
      total += 1;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        release(containerId, instanceId);
      };
    },
    inFlight: (instanceId) => used.get(instanceId)?.count ?? 0,
    busyInstances: () =>
      [...used]
        .filter(([instanceId, entry]) => !leadsTo(entry.containerId, instanceId))
        .map(([instanceId]) => instanceId),
    total: () => total,
  };
}
