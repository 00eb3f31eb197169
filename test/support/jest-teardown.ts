import { treePath } from '../../src/paths.js';
import { command } from './command.js';

/** Runs once after all tests: ends the engines that a run of plain Jest has left. See jest-setup. */
export default async function teardown(): Promise<void> {
  const run = process.env.LONGSHORE_RUN;
  if (run?.endsWith(`longshore-jest-${process.pid}`)) await command(treePath('scripts', 'setup', 'sweep.sh'), [run]);
}
