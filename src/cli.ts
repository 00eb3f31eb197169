import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { type Config, ConfigError, type Finding, type LoadedConfig, loadConfig, shownConfig } from './config.js';
import { type Adopting, adoptHost } from './doctor/adopt.js';
import { type Diagnosis, lineOf } from './doctor/diagnosis.js';
import { diagnose } from './doctor/doctor.js';
import { createLogger } from './log.js';
import { treePath } from './paths.js';
import { EXIT, runUntilSignal } from './run-until-signal.js';

const EXIT_CODES = `
Exit codes: 0 stopped when asked, or no fault found; 1 failed, or a fault found; 2 the configuration or the command line
is wrong; 3 not stopped within LONGSHORE_STOP_DEADLINE; 130, 143 ended at once by a second signal.

Everything is configured by environment variables: see docs/configuration.md.`;

function program(): Command {
  const about = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(treePath('package.json'), 'utf8')));
  const longshore = new Command('longshore')
    .description('A gRPC control plane for GPU containers on plain Docker hosts')
    .version(about.version)
    .addHelpText('after', EXIT_CODES)
    .exitOverride((stop) => process.exit(stop.exitCode === 0 ? 0 : EXIT.configuration));
  longshore
    .command('serve')
    .description('run the roles of the configuration until SIGTERM or SIGINT')
    .action(() => withConfig(runService));
  longshore
    .command('check-config')
    .description('say what is wrong with the configuration, or show it as it counts; touches nothing')
    .action(() => withConfig(showConfig));
  longshore
    .command('doctor')
    .description('look at Redis and every engine, say what is wrong and how to mend it; changes nothing')
    .action(() => withConfig(runDoctor));
  longshore
    .command('hosts')
    .description('what is done to hosts by hand')
    .command('adopt <name>')
    .description(
      'take the engine of a host over from another control plane, which must be gone for good, and have what runs there rebuilt',
    )
    .option('--leave', "leave what that one left as a stranger's", false)
    .action((name: string, { leave }: { leave: boolean }) => withConfig((loaded) => runAdopt({ name, leave }, loaded)));
  return longshore;
}

async function withConfig(command: (loaded: LoadedConfig) => Promise<number> | number): Promise<void> {
  try {
    process.exitCode = await command(await loadConfig());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain('error', error.faults);
    process.exitCode = EXIT.configuration;
  }
}

async function runService({ config, warnings }: LoadedConfig): Promise<number> {
  const log = createLogger({ level: config.logLevel });
  for (const { name, message } of warnings) log.warn({ variable: name }, message);
  const { stopDeadlineMs } = config;
  const { serve } = await import('./main.js');
  const code = await runUntilSignal({ start: (signal) => serve(config, log, { signal }), stopDeadlineMs, log });
  // Something that still holds the process must not keep it from ending.
  process.exit(code);
}

function showConfig({ config, warnings }: LoadedConfig): number {
  complain('warning', warnings);
  process.stdout.write(`${JSON.stringify(shownConfig(config), null, 2)}\n`);
  return 0;
}

async function runDoctor({ config, warnings }: LoadedConfig): Promise<number> {
  complain('warning', warnings);
  return told(await diagnose(patientOf(config)));
}

async function runAdopt(adopting: Adopting, { config, warnings }: LoadedConfig): Promise<number> {
  complain('warning', warnings);
  return told(await adoptHost(adopting, patientOf(config)));
}

function told(diagnoses: readonly Diagnosis[]): number {
  for (const diagnosis of diagnoses) process.stdout.write(`${lineOf(diagnosis)}\n`);
  return diagnoses.some(({ state }) => state === 'FAILED') ? EXIT.failed : 0;
}

const patientOf = ({ redisUrl, keyspace, dataDir, hosts }: Config) => ({ redisUrl, keyspace, dataDir, hosts });

function complain(kind: 'error' | 'warning', findings: readonly Finding[]): void {
  for (const { name, message } of findings) process.stderr.write(`${kind}: ${name}: ${message}\n`);
}

program()
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(EXIT.failed);
  });
