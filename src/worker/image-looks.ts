import type { HostRecord } from '../domain/host.js';
import { EngineError, type EngineImage } from '../engine/driver.js';
import type { Fleet } from '../fleet/fleet.js';
import { createSharedReads } from '../store/shared-reads.js';

/** Where an image is. */
export interface ImageLook {
  /** By host, as that host calls it. */
  readonly images: ReadonlyMap<string, EngineImage>;
  /** Hosts that are not up, or did not answer in time: they may have it. */
  readonly unasked: readonly string[];
}

export interface ImageLooks {
  /** What the hosts show that are asked after this call. Never fails for a fault of theirs. */
  look(reference: string, hosts: readonly HostRecord[]): Promise<ImageLook>;
}

/** One host that hangs must not hold up what may find its place elsewhere. */
const ASK_TIMEOUT_MS = 3_000;

/**
 * A rollout may begin anywhere, so it asks every host for its image; rollouts of one image that begin at about the same time ask together. What was
 * seen is never kept: an image that was built or pulled by hand a moment ago is to be found.
 */
export function createImageLooks(fleet: Pick<Fleet, 'ready' | 'forget'>): ImageLooks {
  /** The hosts as the last one who asked for that image knew them. */
  const wanted = new Map<string, readonly HostRecord[]>();
  const looks = createSharedReads((reference) => {
    const hosts = wanted.get(reference) ?? [];
    wanted.delete(reference);
    return lookOn(fleet, hosts, reference);
  }, Number.POSITIVE_INFINITY);
  return {
    look: (reference, hosts) => {
      wanted.set(reference, hosts);
      return looks.ask(reference);
    },
  };
}

async function lookOn(
  fleet: Pick<Fleet, 'ready' | 'forget'>,
  hosts: readonly HostRecord[],
  reference: string,
): Promise<ImageLook> {
  const soon = new AbortController();
  const timer = setTimeout(() => soon.abort(), ASK_TIMEOUT_MS);
  const images = new Map<string, EngineImage>();
  const unasked: string[] = [];
  const ask = async ({ name, state }: HostRecord): Promise<void> => {
    const image = state === 'UP' ? await imageOn(fleet, name, reference, soon.signal) : 'UNASKED';
    if (image === 'UNASKED') unasked.push(name);
    else if (image !== null) images.set(name, image);
  };
  try {
    await Promise.all(hosts.map(ask));
    return { images, unasked };
  } finally {
    clearTimeout(timer);
  }
}

async function imageOn(
  fleet: Pick<Fleet, 'ready' | 'forget'>,
  name: string,
  reference: string,
  signal: AbortSignal,
): Promise<EngineImage | 'UNASKED' | null> {
  try {
    const engine = await fleet.ready(name);
    return await engine.findImage(reference, signal);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    fleet.forget(name, error);
    return 'UNASKED';
  }
}
