import type { HostWork } from '../store/work.js';

const NONE: ReadonlySet<string> = new Set();

/** Which of the hosts that could not be observed are LOST. */
export async function lostAmong(
  unobserved: ReadonlyMap<string, string>,
  { hosts }: Pick<HostWork, 'hosts'>,
): Promise<ReadonlySet<string>> {
  if (unobserved.size === 0) return NONE;
  const lost = (await hosts()).filter(({ host }) => host.state === 'LOST' && unobserved.has(host.name));
  return new Set(lost.map(({ host }) => host.name));
}
