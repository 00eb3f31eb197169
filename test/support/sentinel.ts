import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.js';
import { startDaemon } from './daemon.js';
import { freePort } from './ports.js';
import { newDirectory } from './run-directory.js';
import { until } from './until.js';

/** A real redis-sentinel, which decides alone. */
export interface Sentinel {
  readonly port: number;
  /** Runs redis-cli; returns what it prints. */
  cli(...args: string[]): Promise<string>;
  /** The port of the present primary. */
  primary(): Promise<number>;
  stop(): Promise<void>;
}

/** Watches the primary on a port of 127.0.0.1 under a name, and replaces it when it has been silent for a second and a half. */
export async function startSentinel(name: string, primaryPort: number): Promise<Sentinel> {
  const dir = newDirectory('sentinel');
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 1`,
    `sentinel down-after-milliseconds ${name} 1500`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const daemon = startDaemon('redis-server', [file, '--sentinel']);
  const cli = (...words: string[]) =>
    command('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...words], { timeoutMs: 10_000 });
  await until('redis-sentinel answers', async () => {
    if (!daemon.running()) throw new Error(daemon.output());
    return (await cli('ping')) === 'PONG';
  });
  return {
    port,
    cli,
    primary: async () => Number((await cli('sentinel', 'get-master-addr-by-name', name)).split('\n')[1]),
    stop: async () => {
      await daemon.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
