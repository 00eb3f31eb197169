import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Plain JavaScript without imports of ours: Jest maps no module names for this file.
const sweep = join(import.meta.dirname, '../../scripts/setup/sweep.sh');
const prefix = 'longshore-jest-';

/**
 * Runs once before all tests. scripts/test.sh has made a directory for the run and clears it afterwards; a run of plain
 * Jest gets one that its teardown clears, or the next run, if this one is killed.
 */
export default function setup() {
  if (process.env.LONGSHORE_RUN !== undefined) return;
  const aborted = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix) && !runs(name.slice(prefix.length)));
  for (const name of aborted) execFileSync(sweep, [join(tmpdir(), name), '--processes']);
  process.env.LONGSHORE_RUN = join(tmpdir(), `${prefix}${process.pid}`);
}

function runs(pid) {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}
