import { loadConfig } from '../src/config.js';
import { createLogger } from '../src/log.js';
import { serve } from '../src/main.js';
import { runUntilSignal } from '../src/run-until-signal.js';
import { PLANTS } from '../test/support/crash/plants.js';

// `serve` with a defect, whose name is the first argument; product.ts makes a program of it.

async function main(name: string | undefined): Promise<number> {
  const plant = Object.entries(PLANTS).find(([one]) => one === name)?.[1];
  if (plant === undefined) throw new Error(`there is no plant ${name}`);
  const { config } = await loadConfig();
  const log = createLogger({ level: config.logLevel });
  const { stopDeadlineMs } = config;
  return runUntilSignal({ start: (signal) => serve(config, log, { ...plant, signal }), stopDeadlineMs, log });
}

void main(process.argv[2]).then((code) => process.exit(code));
