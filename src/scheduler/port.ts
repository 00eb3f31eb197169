import type { HostSnapshot } from './placement.js';

/** The lowest port of the host's range that nobody holds; null where all are taken. */
export function pickPort({ host, takenPorts }: HostSnapshot): number | null {
  for (let port = host.ports.first; port <= host.ports.last; port += 1) if (!takenPorts.has(port)) return port;
  return null;
}
