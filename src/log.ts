import pino from 'pino';

/** One structured line per event: what happened in plain words, and the ids that it happened to as fields. */
export interface Logger {
  /** Whether lines for debugging are written at all. */
  readonly debugs: boolean;
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
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'secrets',
  'password',
  'token',
  'authorization',
  'environment',
  'env',
  'redisUrl',
  'auth',
  'tls',
]);
const DEEPEST_SECRET = 2;
const CENSORED = '[secret]';

export function createLogger({ level, out }: LogDeps): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // pino's own redaction matches every path against every line, which costs more than writing it.
    formatters: { level: (label) => ({ level: label }), log: (fields) => withoutSecrets(fields) },
    serializers: { err: (value: unknown) => plainError(value) },
  };
  return loggerOf(pino(options, out ?? createOutput()));
}

/**
 * Standard output, or the end of a file, written at the end of each turn of the event loop: a system call for each line costs more than making it. A
 * process that ends or fails by itself has written all; one that is killed may lose the lines of its last turn.
 */
export function createOutput(file?: string): { write(line: string): void } {
  const output = pino.destination({ dest: file ?? 1, sync: true });
  let lines = '';
  const flush = (): void => {
    if (lines !== '') output.write(lines);
    lines = '';
  };
  process.once('exit', flush);
  return {
    write: (line) => {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
}

function loggerOf(made: pino.Logger): Logger {
  return {
    debugs: made.isLevelEnabled('debug'),
    debug: (fields, message) => made.debug(fields, message),
    info: (fields, message) => made.info(fields, message),
    warn: (fields, message) => made.warn(fields, message),
    error: (fields, message) => made.error(fields, message),
    // No formatter of pino's sees the fields of a child.
    child: (fields) => loggerOf(made.child(withoutSecrets(fields))),
  };
}

/** The fields themselves where they hold no secret, else a copy. */
function withoutSecrets<Value extends object>(fields: Value, depth = 0): Value {
  let clean = fields;
  for (const [name, value] of Object.entries(fields)) {
    const censored = isSecret(name, depth) ? CENSORED : withoutSecretsBelow(value, depth);
    if (censored === value) continue;
    if (clean === fields) clean = Array.isArray(fields) ? Object.assign([], fields) : { ...fields };
    Object.assign(clean, { [name]: censored });
  }
  return clean;
}

/** `key` at the top is a work key, which names a container or a host; below the top it may be a private one. */
const isSecret = (name: string, depth: number): boolean => SECRET_FIELDS.has(name) || (name === 'key' && depth > 0);

/** Errors are for their serializer. */
function withoutSecretsBelow(value: unknown, depth: number): unknown {
  const descend = typeof value === 'object' && value !== null && depth < DEEPEST_SECRET && !(value instanceof Error);
  return descend ? withoutSecrets(value, depth + 1) : value;
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
