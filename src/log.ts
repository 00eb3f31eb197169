import pino from 'pino';

/** One structured line per event: what happened in plain words, and the ids that it happened to as fields. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines all carry these fields. */
  child(fields: object): Logger;
}

export interface LogDeps {
  readonly level: string;
  /** Where lines go; the process' standard output where it is left out. */
  readonly out?: { write(line: string): void };
}

/** Fields that never reach a line, at the top or up to two below it. */
const SECRET_FIELDS = [
  'secrets',
  'password',
  'token',
  'authorization',
  'environment',
  'env',
  'redisUrl',
  'auth',
  'tls',
];
/** `key` at the top is a work key, which names a container or a host; below the top it may be a private one. */
const REDACTED = ['*.key', '*.*.key', ...SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])];

export function createLogger({ level, out }: LogDeps): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[secret]' },
    serializers: { err: (value: unknown) => plainError(value) },
  };
  return out ? pino(options, out) : pino(options);
}

/** How deep a chain of causes is followed. */
const DEEPEST_CAUSE = 5;

interface PlainError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: PlainError;
}

/**
 * Only these fields of an error are logged: clients of outside systems hang whole requests on theirs, arguments with
 * environment variables and credentials included.
 */
function plainError(value: unknown, depth = 0): PlainError {
  if (!(value instanceof Error)) return { type: typeof value, message: withoutPasswords(String(value)) };
  const { name, message, stack, cause } = value;
  return {
    type: name,
    message: withoutPasswords(message),
    ...('code' in value && typeof value.code === 'string' && { code: value.code }),
    ...(stack && { stack: withoutPasswords(stack) }),
    ...(cause !== undefined && depth < DEEPEST_CAUSE && { cause: plainError(cause, depth + 1) }),
  };
}

/** Masks what stands before the `@` of a URL. */
export function withoutPasswords(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, '$1***@');
}
