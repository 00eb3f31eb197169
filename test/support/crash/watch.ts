import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { PrivateEngine } from '../private-engine.js';
import type { Watched } from './checker.js';

/** Follows what cannot be seen afterwards: announcements of ended operations, and which containers ran at the same time. */
export interface Watch extends Watched {
  stop(): Promise<void>;
}

const event = z.object({ status: z.string(), id: z.string() });

export async function startWatch(redisSocket: string, engines: readonly PrivateEngine[]): Promise<Watch> {
  const ended = new Map<string, number>();
  const overlaps: string[] = [];
  const subscriber = new Redis(redisSocket);
  subscriber.on('message', (_channel, id: string) => ended.set(id, (ended.get(id) ?? 0) + 1));
  await subscriber.subscribe('{longshore}:operations-ended');

  const running = new Map<string, readonly string[]>();
  const follow = ({ endpoint, gpusSeen }: PrivateEngine): ChildProcess => {
    const args = ['-H', endpoint, 'events', '--filter', 'type=container', '--format', '{{json .}}'];
    const filters = ['--filter', 'event=start', '--filter', 'event=die'];
    const docker = spawn('docker', [...args, ...filters], { stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: docker.stdout }).on('line', (line) => {
      const { status, id } = event.parse(JSON.parse(line));
      running.delete(id);
      if (status !== 'start') return;
      const gpus = gpusSeen(id);
      for (const [other, theirs] of running) {
        const both = gpus.filter((uuid) => theirs.includes(uuid));
        if (both.length > 0) overlaps.push(`containers ${id} and ${other} ran with ${both.join()} at the same time`);
      }
      running.set(id, gpus);
    });
    return docker;
  };
  const followers = engines.map(follow);
  const killAtExit = () => {
    for (const one of followers) one.kill('SIGKILL');
  };
  process.once('exit', killAtExit);
  return {
    ended,
    overlaps,
    stop: async () => {
      process.removeListener('exit', killAtExit);
      const gone = followers.map((one) => new Promise((resolve) => one.once('exit', resolve)));
      killAtExit();
      subscriber.disconnect();
      await Promise.all(gone);
    },
  };
}
