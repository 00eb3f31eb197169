import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new directory for one thing of a test, below the directory of this run. What is left in there by a test that died is
 * found and cleared by the next run. The paths are short, as unix sockets need.
 */
export function newDirectory(name: string): string {
  const run = process.env.LONGSHORE_RUN ?? join(tmpdir(), `longshore-jest-${process.pid}`);
  mkdirSync(run, { recursive: true, mode: 0o700 });
  return mkdtempSync(join(run, `${name}-`));
}
