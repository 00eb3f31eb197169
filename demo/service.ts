import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { treePath } from '../src/paths.js';

/** The built service, as `node dist/cli.js serve` starts it. */
export interface DemoService {
  readonly pid: number;
  readonly grpcAddr: string;
  readonly httpAddr: string;
  readonly logFile: string;
  stop(): Promise<void>;
  /** Leaves it running when this process ends. */
  detach(): void;
}

export interface DemoServiceOptions {
  readonly dir: string;
  readonly roles: string;
  readonly dockerHost: string;
  /** Uses the Redis at REDIS_URL under this name; a private one where it is left out. */
  readonly keyspace?: string;
}

const READY_MS = 60_000;

export async function startService({ dir, roles, dockerHost, keyspace }: DemoServiceOptions): Promise<DemoService> {
  mkdirSync(dir, { recursive: true });
  const [grpc, http, ingress] = await Promise.all([portNear(50051), portNear(8080), portNear(8081)]);
  const logFile = join(dir, 'service.log');
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, [treePath('dist', 'cli.js'), 'serve'], {
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DOCKER_HOST: dockerHost,
      ...(keyspace !== undefined && { REDIS_URL: process.env.REDIS_URL, LONGSHORE_KEYSPACE: keyspace }),
      LONGSHORE_DATA_DIR: join(dir, 'data'),
      LONGSHORE_ROLES: roles,
      LONGSHORE_GRPC_ADDR: `127.0.0.1:${grpc}`,
      LONGSHORE_HTTP_ADDR: `127.0.0.1:${http}`,
      LONGSHORE_INGRESS_ADDR: `127.0.0.1:${ingress}`,
    },
  });
  closeSync(log);
  const stop = () => ended(child);
  try {
    await ready(child, `http://127.0.0.1:${http}/readyz`, logFile);
  } catch (error) {
    await stop();
    throw error;
  }
  const grpcAddr = `127.0.0.1:${grpc}`;
  return { pid: child.pid ?? 0, grpcAddr, httpAddr: `127.0.0.1:${http}`, logFile, stop, detach: () => child.unref() };
}

async function ready(child: ChildProcess, url: string, logFile: string): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) break;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error(
    `the service did not get ready; the end of ${logFile}:\n${readFileSync(logFile, 'utf8').slice(-2000)}`,
  );
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** The usual port if it is free, else any. */
async function portNear(port: number): Promise<number> {
  return (await bindable(port)) ?? (await bindable(0)) ?? 0;
}

function bindable(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound ? bound.port : null));
    });
  });
}
