/** One thing that was looked at. `mend` says what to do about it; empty where nothing needs doing. */
export interface Diagnosis {
  readonly state: 'ok' | 'warning' | 'FAILED';
  /** What it is about: `redis`, `host gpu-1`. */
  readonly subject: string;
  readonly text: string;
  readonly mend: string;
}

export const ok = (subject: string, text: string): Diagnosis => ({ state: 'ok', subject, text, mend: '' });

export const warning = (subject: string, text: string, mend = ''): Diagnosis => ({
  state: 'warning',
  subject,
  text,
  mend,
});

export const failed = (subject: string, text: string, mend = ''): Diagnosis => ({
  state: 'FAILED',
  subject,
  text,
  mend,
});

/** One line, and a second one with the mend where there is one. */
export function lineOf({ state, subject, text, mend }: Diagnosis): string {
  const line = `${state.padEnd(7)}  ${subject}: ${text}`;
  return mend ? `${line}\n         -> ${mend}` : line;
}

/** The message of an error for a person, with nothing of what hangs on it. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
