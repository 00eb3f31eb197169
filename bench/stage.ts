import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { treePath } from '../src/paths.js';
import { type PrivateEngine, startPrivateEngine } from '../test/support/private-engine.js';
import { type RedisServer, startRedis } from '../test/support/redis.js';
import { newDirectory } from '../test/support/run-directory.js';
import { until } from '../test/support/until.js';

/** What benchmarks measure on. Everything that it starts is ended after the benchmark, whatever became of it. */
export interface Stage {
  /** How often each figure is taken. */
  readonly rounds: number;
  /** A redis-server of its own, which fsyncs each write as the embedded one does. */
  redis(): Promise<RedisServer>;
  /** A Docker Engine of its own, with the images `longshore/busybox:latest` and `longshore/demo-app:latest`, and without GPUs. */
  engine(): Promise<PrivateEngine>;
  /** Starts the built service as a process of its own, and resolves when it is ready. */
  service(env: Environment): Promise<ServiceProcess>;
  /** Starts a program of processes/ (its name without `.ts`) on the built service's code; resolves when it has printed its first line. */
  program(name: string, args?: readonly string[], env?: Environment): Promise<Program>;
  /** Runs `end` after the benchmark, before what was started earlier is ended. */
  after(end: () => unknown): void;
}

/** LONGSHORE_* variables and REDIS_URL. Listeners are on free ports, and the data directory is new, unless they are given. */
export type Environment = Readonly<Record<string, string>>;

export interface Program {
  readonly pid: number;
  /** Its first line, parsed as JSON. */
  readonly hello: unknown;
  /** The lines that it has printed so far. */
  lines(): readonly string[];
  /** Resolves with its exit code; 128 and more where a signal ended it. */
  readonly ended: Promise<number>;
  /** SIGTERM; after 10 s SIGKILL. Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ServiceProcess extends Pick<Program, 'pid' | 'stop'> {
  /** `host:port`; empty without that role. */
  readonly grpc: string;
  /** 0 without that role. */
  readonly ingressPort: number;
  readonly httpPort: number;
  readonly dataDir: string;
}

/** Also ends what was started: to be called however the benchmark went. */
export interface ManagedStage extends Stage {
  end(): Promise<void>;
}

export function createStage(rounds: number): ManagedStage {
  const ends: (() => unknown)[] = [];
  const after = (end: () => unknown) => void ends.push(end);
  const run = async (args: readonly string[], env: Environment) => {
    const program = await start(args, env);
    after(program.stop);
    return program;
  };
  return {
    rounds,
    after,
    redis: async () => {
      const redis = await startRedis();
      after(redis.stop);
      return redis;
    },
    engine: async () => {
      const engine = await startPrivateEngine({ dir: join(newDirectory('engine'), 'e'), gpus: 0 });
      after(engine.remove);
      await engine.images('busybox', 'app');
      return engine;
    },
    program: async (name, args = [], env = {}) => {
      const builtCode = ['--import', 'tsx', '--import', treePath('bench', 'built-code.ts')];
      const program = await run([...builtCode, treePath('bench', 'processes', `${name}.ts`), ...args], env);
      const line = await firstLine(program, () => true);
      return { ...program, hello: JSON.parse(line) };
    },
    service: async (env) => {
      const dataDir = env['LONGSHORE_DATA_DIR'] ?? newDirectory('data');
      const all = { ...FREE_PORTS, LONGSHORE_DATA_DIR: dataDir, ...env };
      const program = await run([treePath('dist', 'cli.js'), 'serve'], all);
      const ready = readyLine.parse(JSON.parse(await firstLine(program, (line) => line.includes('"ready"'))));
      const grpc = ready.grpcPort === null ? '' : `127.0.0.1:${ready.grpcPort}`;
      return { ...program, grpc, ingressPort: ready.ingressPort ?? 0, httpPort: ready.httpPort, dataDir };
    },
    end: async () => {
      for (const end of ends.reverse()) await end();
    },
  };
}

const FREE_PORTS = {
  LONGSHORE_GRPC_ADDR: '127.0.0.1:0',
  LONGSHORE_HTTP_ADDR: '127.0.0.1:0',
  LONGSHORE_INGRESS_ADDR: '127.0.0.1:0',
};

const readyLine = z.object({
  grpcPort: z.number().nullable(),
  httpPort: z.number(),
  ingressPort: z.number().nullable(),
});

/** What it prints goes to a file, as a service manager would have it, so that nobody has to read it for it to go on. */
async function start(args: readonly string[], env: Environment): Promise<Omit<Program, 'hello'>> {
  const output = join(newDirectory('out'), 'output');
  const file = openSync(output, 'w');
  const child = spawn(process.execPath, args, { stdio: ['ignore', file, file], env: { ...process.env, ...env } });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.removeListener('exit', killAtExit);
      resolve(signal === null ? (code ?? 0) : 128);
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  };
  const lines = () => readFileSync(output, 'utf8').split('\n').slice(0, -1);
  return { pid: child.pid ?? -1, lines, ended, stop };
}

async function firstLine(program: Omit<Program, 'hello'>, wanted: (line: string) => boolean): Promise<string> {
  let over = false;
  void program.ended.then(() => {
    over = true;
  });
  const line = await until(
    'a program of the benchmark is ready',
    () => program.lines().find(wanted) ?? (over ? null : undefined),
    60_000,
  );
  if (line === null) throw new Error(`a program of the benchmark ended:\n${program.lines().slice(-20).join('\n')}`);
  return line;
}
