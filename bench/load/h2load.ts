import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newDirectory } from '../../test/support/run-directory.js';
import { grpcFrame } from './grpc-frame.js';
import { cpuSecondsOf } from './process-figures.js';

/** One gRPC request, sent over and over by h2load, a load generator in C. */
export interface GrpcLoad {
  /** `host:port`. */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: Uint8Array;
  /** Size of every answer's message. A call that fails is answered without a message, so no failure passes as an answer. */
  readonly answerBytes: number;
  readonly connections: number;
  /** At a time, on each connection. */
  readonly streams: number;
  readonly requests: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** CPU seconds that h2load used per second: at 1 it is the bottleneck itself. */
  readonly generatorCpu: number;
}

/** Rejects unless every single request was answered with a message of the right size. */
export async function h2load(load: GrpcLoad): Promise<LoadResult> {
  const body = join(newDirectory('load'), 'body');
  writeFileSync(body, grpcFrame(load.request));
  const { address, path, connections, streams, requests } = load;
  const args = [
    ...['-c', String(connections), '-m', String(streams), '-n', String(requests), '-d', body],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    `http://${address}${path}`,
  ];
  const { output, cpuSeconds } = await outputOf('h2load', args);
  const [seconds, perSecond] = timesIn(output);
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const data = Number(/\((\d+)\) data$/m.exec(output)?.[1]);
  const expected = requests * grpcFrame(Buffer.alloc(load.answerBytes)).length;
  if (succeeded !== requests || data !== expected)
    throw new Error(`${path} was not answered as it should be (${expected} bytes expected):\n${output}`);
  return { perSecond, generatorCpu: cpuSeconds / seconds };
}

function timesIn(output: string): readonly [number, number] {
  const [, time, unit, perSecond] = /^finished in ([\d.]+)(us|ms|s|m), ([\d.]+) req\/s/m.exec(output) ?? [];
  const unitSeconds = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit ?? ''];
  if (unitSeconds === undefined) throw new Error(`h2load did not finish:\n${output}`);
  return [Number(time) * unitSeconds, Number(perSecond)];
}

const SAMPLE_MS = 20;

function outputOf(program: string, args: readonly string[]): Promise<{ output: string; cpuSeconds: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const killAtExit = () => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    let output = '';
    let cpuSeconds = 0;
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      output += String(chunk);
    });
    // What a process used is gone with it, so it is looked at while it runs.
    const sampling = setInterval(() => {
      try {
        cpuSeconds = cpuSecondsOf(child.pid ?? -1);
      } catch {
        clearInterval(sampling);
      }
    }, SAMPLE_MS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(sampling);
      process.removeListener('exit', killAtExit);
      if (code === 0) resolve({ output, cpuSeconds });
      else reject(new Error(`${program} ended with ${code}:\n${output}`));
    });
  });
}
