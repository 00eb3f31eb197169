/** Why a part is not ready, in words for a person; null: it is ready. Asked at every look, so it must answer at once. */
export type ReadinessCheck = () => string | null;

export interface ReadinessReport {
  readonly ready: boolean;
  /** By part; only those that are not ready. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** Parts of the process, each with its own check. */
export type Readiness = Readonly<Record<string, ReadinessCheck>>;

export function reportOf(parts: Readiness): ReadinessReport {
  const reasons: Record<string, string> = {};
  for (const [part, check] of Object.entries(parts)) {
    const reason = check();
    if (reason !== null) reasons[part] = reason;
  }
  return { ready: Object.keys(reasons).length === 0, reasons };
}
