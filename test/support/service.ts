import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, processSurroundings } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { type Seams, type Service, serve } from '../../src/main.js';
import type { Host } from './hosts/hosts.js';
import { type Answer, http } from './http.js';
import { portsOf } from './ports.js';
import type { PrivateEngine } from './private-engine.js';
import { newFastDirectory } from './run-directory.js';
import { type ServiceClient, serviceClient } from './service-client.js';

/** A whole Longshore in this process: embedded Redis, worker, API and ingress on free ports. */
export interface RunningService extends Service {
  readonly client: ServiceClient;
  readonly dataDir: string;
  /** Where its log lines go. */
  readonly logFile: string;
}

export interface ServiceOptions {
  /** The hosts, named host-1, host-2 ... in this order. Tests that run a worker need engines of their own: they are claimed. */
  readonly engines: readonly (PrivateEngine | Host)[];
  /** Further LONGSHORE_* variables, or REDIS_URL. */
  readonly env?: Readonly<Record<string, string>>;
  readonly seams?: Seams;
  /** To start again on the data of a former one. */
  readonly dataDir?: string;
  /** How many ports each host has for instances; 50 by default. */
  readonly portsPerHost?: number;
}

export async function startService(options: ServiceOptions): Promise<RunningService> {
  const dataDir = options.dataDir ?? newFastDirectory('data');
  const free = '127.0.0.1:0';
  const env: Record<string, string> = {
    LONGSHORE_DATA_DIR: dataDir,
    LONGSHORE_GRPC_ADDR: free,
    LONGSHORE_HTTP_ADDR: free,
    LONGSHORE_INGRESS_ADDR: free,
    LONGSHORE_HOSTS_FILE: hostsFile(dataDir, options.engines, options.portsPerHost ?? PORTS_PER_HOST),
    ...options.env,
  };
  const { config } = await loadConfig({ ...processSurroundings(), env });
  const logFile = join(dataDir, 'service.log');
  const log = createLogger({ level: 'debug', out: createWriteStream(logFile, { flags: 'a' }) });
  const service = await serve(config, log, options.seams);
  const client = serviceClient(`127.0.0.1:${service.grpcPort}`);
  return {
    ...service,
    client,
    dataDir,
    logFile,
    stop: async (deadlineMs) => {
      client.close();
      await service.stop(deadlineMs);
    },
  };
}

const PORTS_PER_HOST = 50;

function hostsFile(dir: string, engines: readonly (PrivateEngine | Host)[], ports: number): string {
  const hosts = engines.map((engine, index) => ({
    name: `host-${index + 1}`,
    ...('tcpEndpoint' in engine
      ? { endpoint: engine.tcpEndpoint, tls: engine.tls, address: engine.address }
      : { endpoint: engine.endpoint, address: '127.0.0.1' }),
    gpus: engine.gpuUuids.map((uuid) => ({ uuid, name: 'NVIDIA H200', memory_mib: 143771 })),
    ports: portsOf(engine, ports),
  }));
  const file = join(dir, 'hosts.yaml');
  // YAML is a superset of JSON.
  writeFileSync(file, JSON.stringify({ hosts }));
  return file;
}

/** Calls a container's url. Its name need not resolve: the connection goes to 127.0.0.1 and the host name is sent. */
export function call(url: string, options: Parameters<typeof http>[1] = {}): Promise<Answer> {
  const target = new URL(url);
  const headers = { ...options.headers, host: target.host };
  target.hostname = '127.0.0.1';
  return http(target.href, { ...options, headers });
}
