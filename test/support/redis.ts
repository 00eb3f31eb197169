import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.js';
import { type Daemon, startDaemon } from './daemon.js';
import { newFastDirectory } from './run-directory.js';
import { until } from './until.js';

/** A real redis-server with a directory of its own, on a unix socket, that fsyncs every write. */
export interface RedisServer {
  /** For ioredis: `new Redis(redis.socketPath)`. */
  readonly socketPath: string;
  /** For REDIS_URL. */
  readonly url: string;
  readonly dir: string;
  readonly pid: number;
  /** Runs redis-cli; returns what it prints. */
  cli(...args: string[]): Promise<string>;
  /** SIGSTOP: connections are accepted, nothing answers. */
  pause(): void;
  resume(): void;
  /** SIGKILL; the data stays for start(). */
  kill(): Promise<void>;
  /** Starts it again on the same data and socket. */
  start(): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}

/** `args` are further options of redis-server, for example `'--maxmemory-policy', 'allkeys-lru'`. */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const dir = newFastDirectory('redis');
  const socketPath = join(dir, 'redis.sock');
  let daemon: Daemon | undefined;
  const cli = (...words: string[]) => command('redis-cli', ['-s', socketPath, ...words], { timeoutMs: 10_000 });
  const start = async () => {
    const options = ['--port', '0', '--unixsocket', socketPath, '--dir', dir, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const started = startDaemon('redis-server', [...options, ...durable, ...args]);
    daemon = started;
    await until('redis-server answers', async () => {
      if (!started.running()) throw new Error(started.output());
      return existsSync(socketPath) && (await cli('ping')) === 'PONG';
    });
  };
  await start();
  return {
    socketPath,
    url: `unix://${socketPath}`,
    dir,
    get pid() {
      return daemon?.pid ?? -1;
    },
    cli,
    pause: () => daemon?.signal('SIGSTOP'),
    resume: () => daemon?.signal('SIGCONT'),
    kill: async () => {
      await daemon?.kill();
      await rm(socketPath, { force: true });
    },
    start,
    stop: async () => {
      await daemon?.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
