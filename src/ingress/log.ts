/** What the ingress asks of a logger; pino has it. */
export interface IngressLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** One request that ended, as the caller saw it. */
export interface RequestDone {
  /** Null if it was refused before its container was known. */
  readonly containerId: string | null;
  /** 499: the caller left before the answer was whole. */
  readonly status: number;
  /** INGRESS: the answer, or that there is none, is its own. */
  readonly answeredBy: 'INSTANCE' | 'INGRESS';
  readonly durationMs: number;
}

/** Tells of what may happen a thousand times a second. */
export interface SparseLog {
  /** One line per key and interval; the next one says in `more` how many it stands for beside itself. */
  warn(key: string, fields: object, message: string): void;
}

/** `now` is monotonic, in milliseconds. */
export function createSparseLog(log: IngressLog, everyMs: number, now: () => number): SparseLog {
  const told = new Map<string, { readonly at: number; more: number }>();
  return {
    warn(key, fields, message) {
      const last = told.get(key);
      if (last !== undefined && now() - last.at < everyMs) {
        last.more += 1;
        return;
      }
      log.warn(last === undefined || last.more === 0 ? fields : { ...fields, more: last.more }, message);
      // In the order in which they were told, so that those long silent are at the front.
      told.delete(key);
      for (const [old, { at }] of told) {
        if (now() - at < everyMs * 6) break;
        told.delete(old);
      }
      told.set(key, { at: now(), more: 0 });
    },
  };
}
