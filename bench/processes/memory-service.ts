import { join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { createLogger, createOutput } from '../../src/log.js';
import { serve } from '../../src/main.js';
import { runUntilSignal } from '../../src/run-until-signal.js';
import { remoteEngines } from '../load/memory-engines.js';
import { memoryHost, memoryHostConfigs } from '../load/memory-hosts.js';

/*
 * The service on hosts in memory: everything of it but Docker, and probes of instances that nobody runs. Configured by the environment, but for
 * its hosts: how many, how many GPUs each has, and the socket of the process that plays them where several services are to share them.
 */

const [hosts = '', gpusEach = '', socket] = process.argv.slice(2);

const { config } = await loadConfig();
const log = createLogger({ level: config.logLevel, out: createOutput(join(config.dataDir, 'service.log')) });
const remote = socket === undefined ? null : await remoteEngines(socket);
const code = await runUntilSignal({
  start: async (signal) => {
    const service = await serve({ ...config, hosts: memoryHostConfigs(Number(hosts), Number(gpusEach)) }, log, {
      signal,
      engines: {
        driver: ({ name }, id) => remote?.driver(name, id) ?? memoryHost(name).driver(id),
        probe: () => Promise.resolve(null),
      },
    });
    process.stdout.write(`${JSON.stringify({ grpc: `127.0.0.1:${service.grpcPort}` })}\n`);
    return service;
  },
  stopDeadlineMs: config.stopDeadlineMs,
  log,
});
process.exit(code);
