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
  readonly durationMs: number;
}
