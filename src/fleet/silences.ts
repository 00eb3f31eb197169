import type { EngineError } from '../engine/driver.js';

/** How long a host that did not answer is left alone: doubling while it stays away. */
const LEFT_ALONE_MS = { first: 2_000, last: 15_000 };

/** Which hosts just did not answer. Faults side by side count as one. */
export function createSilences(now: () => number) {
  const silences = new Map<string, { readonly fault: EngineError; readonly ms: number; readonly until: number }>();
  return {
    leaveAlone: (name: string, fault: EngineError): void => {
      if (fault.kind !== 'UNREACHABLE') return;
      const before = silences.get(name);
      if (before && now() < before.until) return;
      const ms = before ? Math.min(before.ms * 2, LEFT_ALONE_MS.last) : LEFT_ALONE_MS.first;
      silences.set(name, { fault, ms, until: now() + ms });
    },
    isSilent: (name: string): boolean => silences.has(name),
    answered: (name: string): void => void silences.delete(name),
    /** Why the host is not to be asked now; null where it may be. `asked`: somebody asks it already. */
    alone: (name: string, asked: boolean): EngineError | null => {
      const silence = silences.get(name);
      return silence && (asked || now() < silence.until) ? silence.fault.withKind('UNREACHABLE') : null;
    },
  };
}
