/**
 * Redis is there and does not let us in, or is none that we may use. Holds its words alone: the error that they came in carries the password that
 * was sent.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly what: string,
    words: string,
    /** The one that may come right without a hand. */
    readonly replica = false,
  ) {
    super(words);
  }
}

/** Null: it is no refusal of the connection as a whole. */
export function refusalIn(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error)) return null;
  if (/^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message))
    return new Refusal('Redis refuses our credentials', error.message);
  if (isRefusedSelect(error)) return new Refusal('Redis refuses the database that REDIS_URL names', error.message);
  return null;
}

/** Whether Redis refused the database of the URL: there is none of that number, or the user may not choose one. */
export function isRefusedSelect(error: Error): boolean {
  const command: unknown = 'command' in error ? error.command : null;
  return typeof command === 'object' && command !== null && 'name' in command && command.name === 'select';
}

/** By the word that begins what Redis answers: faults of it that pass, as opposed to faults of a script, and what a person reads of them. */
const PASSING: Readonly<Record<string, string>> = {
  LOADING: 'Redis is still loading its data',
  OOM: 'Redis is full: give it more memory',
  MISCONF: 'Redis takes no writes, since it cannot save them: see its log, and whether its disk is full',
  READONLY: 'Redis takes no writes, since it is a replica',
  MASTERDOWN: 'Redis is a replica without its primary',
  NOREPLICAS: 'Redis takes no writes, since too few of its replicas are connected',
  BUSY: 'Redis is busy with a script of somebody',
  CLUSTERDOWN: 'the cluster that Redis is part of does not work',
  TRYAGAIN: 'Redis moves its keys',
  UNBLOCKED: 'Redis is being replaced',
  MOVED: 'Redis has its keys elsewhere',
  ASK: 'Redis moves its keys elsewhere',
};

/** What a fault of Redis that passes means; null: it is none. */
export function passingFault(message: string): string | null {
  // Before version 7 what stopped a script stands in the middle of what is said of the script.
  const [, word = ''] = /^(?:ERR Error running script .*? -)?([A-Z]+)\b/.exec(message) ?? [];
  return Object.hasOwn(PASSING, word) ? (PASSING[word] ?? null) : null;
}

/** Redis answered, though with an error. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
