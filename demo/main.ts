import { parseArgs } from 'node:util';
import { dynamicClient } from './client.js';
import { deleteAll, mainJob } from './job.js';
import { Report } from './report.js';
import { type DemoService, startService } from './service.js';

/*
 * The part of `npm run demo` that runs once everything is installed: starts the service, does the main job on it, checks all
 * that it shows, and cleans up. scripts/demo.sh calls it.
 *
 *   --dir DIR        where the service keeps its data
 *   --engine HOST    the Docker Engine, as a DOCKER_HOST value
 *   --keyspace NAME  uses the Redis at REDIS_URL, under this name; else the service has one of its own
 *   --keep           leaves the service and its container running
 *   --fault NAME     plants a fault, which must be noticed: wrong-revision, no-ingress
 */

const FAULTS = {
  none: { roles: 'api,worker,ingress', environment: {} },
  'wrong-revision': { roles: 'api,worker,ingress', environment: { APP_IGNORE_REVISION: 'always-the-same' } },
  'no-ingress': { roles: 'api,worker', environment: {} },
} as const;

function isFault(name: string): name is keyof typeof FAULTS {
  return Object.hasOwn(FAULTS, name);
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      engine: { type: 'string' },
      keyspace: { type: 'string' },
      keep: { type: 'boolean', default: false },
      fault: { type: 'string', default: 'none' },
    },
  });
  const { dir, engine, keyspace, keep, fault } = values;
  if (!dir || !engine) throw new Error('--dir and --engine are needed');
  if (!isFault(fault)) throw new Error(`there is no fault ${fault}, only ${Object.keys(FAULTS).join(', ')}`);
  const { roles, environment } = FAULTS[fault];
  const report = new Report();
  report.heading('Start the service');
  const service = await startService({ dir, roles, dockerHost: engine, ...(keyspace !== undefined && { keyspace }) });
  let ending: Promise<void> | null = null;
  const end = () => (ending ??= cleanUp(service, report));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().then(() => process.exit(130)));
  report.line(
    `   gRPC on ${service.grpcAddr}, health and metrics on http://${service.httpAddr}, log in ${service.logFile}`,
  );
  const client = dynamicClient(service.grpcAddr);
  try {
    await mainJob(client, report, { environment });
  } catch (error) {
    report.fault(error instanceof Error ? error.message : String(error));
  } finally {
    client.close();
  }
  if (keep) leave(service, dir, report);
  else await end();
  return report.summary();
}

function leave(service: DemoService, dir: string, report: Report): void {
  service.detach();
  report.heading('The service is left running');
  report.line(`   process ${service.pid}; to end it and remove everything: npm run demo -- --stop --dir ${dir}`);
}

async function cleanUp(service: DemoService, report: Report): Promise<void> {
  report.heading('Clean up');
  const client = dynamicClient(service.grpcAddr);
  try {
    await deleteAll(client, report);
  } catch (error) {
    report.fault(`could not delete the containers: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    client.close();
  }
  await service.stop();
}

main().then(
  (allWell) => process.exit(allWell ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
