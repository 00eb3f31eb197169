import type { HostSnapshot } from './placement.js';

/**
 * A port of the host's range that nobody holds; null where all are taken. Where the search begins is up to `seed`, the id of the instance: taken
 * lowest first, a freed port would be the next one's at once, and a request that an ingress sends late would reach a stranger.
 */
export function pickPort({ host, takenPorts }: HostSnapshot, seed: string): number | null {
  const { first, last } = host.ports;
  const count = last - first + 1;
  const start = hash(seed) % Math.max(count, 1);
  for (let step = 0; step < count; step += 1) {
    const port = first + ((start + step) % count);
    if (!takenPorts.has(port)) return port;
  }
  return null;
}

export function hasPort(snapshot: HostSnapshot): boolean {
  return pickPort(snapshot, '') !== null;
}

/** FNV-1a with 32 bits, of code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
