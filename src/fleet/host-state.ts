import type { HostStanding, HostState } from '../domain/host.js';

/** What one look at a host showed. */
export type HostLook =
  /** `unclean`: what it runs and should not any more; empty: nothing. */
  | { readonly kind: 'ANSWERED'; readonly unclean: string }
  | { readonly kind: 'SILENT'; readonly reason: string }
  /** It answers, but not with what we need to know; what it runs it goes on running. */
  | { readonly kind: 'UNFIT'; readonly reason: string }
  /** It answers, and is not ours to use until somebody mends that. */
  | { readonly kind: 'REFUSED'; readonly reason: string };

export interface HostPolicy {
  /** So many looks in a row without an answer make it UNREACHABLE. */
  readonly missedLooks: number;
  /** Silent for so long it is LOST. */
  readonly lostAfterMs: number;
}

/** Redis time of the look, and since when whoever looked has been looking. */
export interface Watch {
  readonly now: number;
  readonly watchedSince: number;
}

/** Between two looks that are further apart nobody looked: what the host did meanwhile is not known. */
export const LONGEST_PAUSE_MS = 60_000;

/**
 * Where a host stands after a look. Silence counts only while somebody looked: it begins anew after a pause of ours, and never before the watcher
 * itself began, so that a restart of the control plane gives every host its whole grace.
 */
export function standingAfter(
  former: HostStanding | null,
  look: HostLook,
  watch: Watch,
  policy: HostPolicy,
): HostStanding {
  const answers = { missedLooks: 0, silentSince: null, lookedAt: watch.now };
  switch (look.kind) {
    case 'ANSWERED': {
      const state = stateOnAnswer(former?.state ?? 'UNKNOWN', look.unclean);
      return { ...answers, state, since: sinceOf(former, state, watch), message: state === 'UP' ? '' : look.unclean };
    }
    case 'REFUSED':
      return { ...answers, state: 'REFUSED', since: sinceOf(former, 'REFUSED', watch), message: look.reason };
    case 'UNFIT':
      return unfit(former, look.reason, watch, policy);
    case 'SILENT':
      return silent(former, look.reason, watch, policy);
  }
}

/** Who was away has to be clean before it is used; who was not has only the usual comings and goings. */
function stateOnAnswer(former: HostState, unclean: string): HostState {
  const wasAway = former !== 'UP' && former !== 'UNKNOWN';
  return wasAway && unclean !== '' ? 'RETURNING' : 'UP';
}

/** No silence, so that it is never LOST for it. */
function unfit(former: HostStanding | null, message: string, watch: Watch, policy: HostPolicy): HostStanding {
  const missedLooks = (former?.missedLooks ?? 0) + 1;
  const before = former?.state ?? 'UNKNOWN';
  const state = before === 'LOST' || missedLooks >= policy.missedLooks ? 'UNREACHABLE' : before;
  return { state, since: sinceOf(former, state, watch), message, missedLooks, silentSince: null, lookedAt: watch.now };
}

function silent(former: HostStanding | null, message: string, watch: Watch, policy: HostPolicy): HostStanding {
  const { now } = watch;
  const before = former !== null && isContinuous(former, now) ? former : null;
  const missedLooks = (before?.missedLooks ?? 0) + 1;
  const silentSince = before?.silentSince ?? now;
  const state = stateInSilence(former?.state ?? 'UNKNOWN', missedLooks, silentSince, watch, policy);
  return { state, since: sinceOf(former, state, watch), message, missedLooks, silentSince, lookedAt: now };
}

/** Steps of the clock, to and fro, are pauses as well: they say nothing of the host. */
function isContinuous({ lookedAt }: HostStanding, now: number): boolean {
  return now >= lookedAt && now - lookedAt <= LONGEST_PAUSE_MS;
}

/** LOST is reached through UNREACHABLE, and left by an answer only. */
function stateInSilence(
  former: HostState,
  missedLooks: number,
  silentSince: number,
  { now, watchedSince }: Watch,
  { missedLooks: allowed, lostAfterMs }: HostPolicy,
): HostState {
  if (former === 'LOST') return 'LOST';
  if (former === 'UNREACHABLE') {
    return now - Math.max(silentSince, watchedSince) >= lostAfterMs ? 'LOST' : 'UNREACHABLE';
  }
  return missedLooks >= allowed ? 'UNREACHABLE' : former;
}

function sinceOf(former: HostStanding | null, state: HostState, { now }: Watch): number {
  return former !== null && former.state === state ? former.since : now;
}
