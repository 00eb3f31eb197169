/** What the work on a key meets again and again. There is none where its last work came to an ordinary end. */
export interface Trouble {
  /** Failures in a row. */
  readonly count: number;
  /** How many of them were the end of the process that worked on it, or of its hold on the key. */
  readonly deaths: number;
  /** Redis time of the first of them. */
  readonly since: number;
  /** What the last one said, shortened and free of secrets; empty: it was a death. */
  readonly reason: string;
  /** Redis time since which it is only looked at again now and then; null: it is not parked. */
  readonly parkedAt: number | null;
  /** The container's record says that it is parked. */
  readonly noted: boolean;
}

/** For people: how often, and what the last one was. */
export function troubleText({ count, reason }: Pick<Trouble, 'count' | 'reason'>): string {
  const last = reason === '' ? 'the process that did the work died, or lost its hold on it' : reason;
  return `the work on it failed ${count} times in a row; the last time: ${last}`;
}
