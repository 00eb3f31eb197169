import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { command } from './command.js';

const prefix = 'longshore-jest-';

/**
 * Runs once before all tests. scripts/test.sh has made a directory for the run and clears it afterwards; a run of plain Jest
 * gets one that the teardown clears, or the next run, if this one is killed.
 */
export default async function setup(): Promise<void> {
  if (process.env.LONGSHORE_RUN !== undefined) return;
  const aborted = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix) && !runs(name.slice(prefix.length)));
  for (const name of aborted)
    await command(treePath('scripts', 'setup', 'sweep.sh'), [join(tmpdir(), name), '--processes']);
  process.env.LONGSHORE_RUN = join(tmpdir(), `${prefix}${process.pid}`);
}

function runs(pid: string): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}
