import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const sweep = join(import.meta.dirname, '../../scripts/setup/sweep.sh');

/** Runs once after all tests: ends the engines that a run of plain Jest has left. See jest-setup. */
export default function teardown() {
  const run = process.env.LONGSHORE_RUN;
  if (run?.endsWith(`longshore-jest-${process.pid}`)) execFileSync(sweep, [run]);
}
