import { treePath } from '../src/paths.js';
import { readOptions } from './options.js';
import { keepEvidence, textOf } from './report.js';
import { run } from './run.js';
import { openStage } from './stage.js';

// One run. scripts/chaos.sh sets up what it needs and calls it; docs/chaos.md says how to read what comes out.

async function main(): Promise<boolean> {
  const options = readOptions(process.argv.slice(2), treePath('.longshore', 'chaos'));
  const stage = await openStage(options.plant);
  const end = () => void stage.close().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    const outcome = await run(stage, options);
    const well = outcome.broken.length + outcome.ledger.violations.length === 0;
    if (!well) keepEvidence(outcome, stage.logDir);
    process.stdout.write(textOf(outcome));
    if (!well) process.stdout.write(`evidence: ${options.evidence}\n`);
    return well;
  } finally {
    await stage.close();
  }
}

main().then(
  (well) => process.exit(well ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(2);
  },
);
