import { checkText, type Found, type RawDuration, readDuration } from './checks.js';
import type { HealthCheck, Runtime } from './revision.js';

/** A health check as it came. */
export interface HealthCheckDraft {
  readonly probe: HealthCheck['probe'];
  readonly interval: RawDuration | null;
  readonly timeout: RawDuration | null;
  readonly deadline: RawDuration | null;
}

/** Of a health check that leaves them open; returned so. */
const DEFAULT_HEALTH_INTERVAL_MS = 1_000;
const DEFAULT_HEALTH_TIMEOUT_MS = 5_000;
/** As LONGSHORE_HEALTH_DEADLINE by default, but fixed: it is part of the revision, which never changes. */
const DEFAULT_HEALTH_DEADLINE_MS = 60_000;

const HOUR = 3_600_000;

export function readHealthCheck(found: Found, draft: HealthCheckDraft, runtime: Runtime): HealthCheck {
  if (draft.probe !== null && runtime === 'PROCESS')
    found.push({
      field: `health_check.${draft.probe.kind.toLowerCase()}`,
      description: 'needs a port, which runtime.process does not have',
    });
  return {
    probe: readProbe(found, draft.probe),
    intervalMs: readOr(found, 'interval', draft.interval, DEFAULT_HEALTH_INTERVAL_MS, 100, HOUR),
    timeoutMs: readOr(found, 'timeout', draft.timeout, DEFAULT_HEALTH_TIMEOUT_MS, 100, HOUR),
    deadlineMs: readOr(found, 'deadline', draft.deadline, DEFAULT_HEALTH_DEADLINE_MS, 1_000, 24 * HOUR),
  };
}

function readProbe(found: Found, probe: HealthCheck['probe']): HealthCheck['probe'] {
  if (probe?.kind !== 'HTTP') return probe;
  const path = probe.path === '' ? '/' : probe.path;
  checkText(found, 'health_check.http.path', path, {
    max: 1024,
    pattern: /^\/[\x21-\x7e]*$/,
    form: 'must start with "/" and consist of printable ASCII characters without spaces',
  });
  return { kind: 'HTTP', path };
}

function readOr(found: Found, name: string, raw: RawDuration | null, fallback: number, min: number, max: number) {
  return raw === null ? fallback : readDuration(found, `health_check.${name}`, raw, min, max);
}
