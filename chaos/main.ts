import { treePath } from '../src/paths.js';
import { keptRuns, type Options, readOptions } from './options.js';
import { keepEvidence, textOf } from './report.js';
import { run } from './run.js';
import { openStage, type Stage } from './stage.js';

// One run, or one for each seed that is kept. scripts/chaos.sh sets up what it needs and calls it; docs/chaos.md says how to read what comes
// out. Exit codes: 0 nothing was wrong; 1 something was; 2 the run itself failed.

let stage: Stage | null = null;

async function once(options: Options): Promise<boolean> {
  const opened = await openStage(options.plant);
  stage = opened;
  try {
    const outcome = await run(opened, options);
    keepEvidence(outcome, opened.logDir);
    process.stdout.write(`${textOf(outcome)}logs and evidence: ${options.evidence}\n`);
    if (outcome.broken.length > 0) throw new Error('the run itself failed: it proves nothing');
    return outcome.ledger.violations.length === 0;
  } finally {
    stage = null;
    await opened.close();
  }
}

async function main(): Promise<boolean> {
  const options = readOptions(process.argv.slice(2), treePath('.longshore', 'chaos'));
  // What is still being set up is cleared by the script.
  const end = () => void Promise.resolve(stage?.close()).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  for (const one of options.kept ? keptRuns(options) : [options]) if (!(await once(one))) return false;
  return true;
}

main().then(
  (well) => process.exit(well ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
