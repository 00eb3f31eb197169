import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The directory of this run. What is left in there by a test that died is found and cleared by the next run. */
export function runDirectory(): string {
  const run = process.env.LONGSHORE_RUN ?? join(tmpdir(), `longshore-jest-${process.pid}`);
  mkdirSync(run, { recursive: true, mode: 0o700 });
  return run;
}

/** A new directory for one thing of a test, below the directory of this run. The paths are short, as unix sockets need. */
export function newDirectory(name: string): string {
  return mkdtempSync(join(runDirectory(), `${name}-`));
}

/** The same for what waits for its disk, as Redis does: in memory, where the run has such a place. What must outlive the machine does not belong there. */
export function newFastDirectory(name: string): string {
  const memory = join(runDirectory(), 'memory');
  return existsSync(memory) ? mkdtempSync(join(memory, `${name}-`)) : newDirectory(name);
}
