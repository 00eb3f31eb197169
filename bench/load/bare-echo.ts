import { z } from 'zod';
import type { Program, Stage } from '../stage.js';

/** A bare grpc-js server in a process of its own, and how it is called. */
export interface BareEcho extends Pick<Program, 'pid' | 'stop'> {
  readonly address: string;
  readonly path: string;
}

const hello = z.object({ port: z.number() });

/** Answers with messages of `bytes`; with `redis`, the path of its socket, it reads that for each. */
export async function startBareEcho(stage: Stage, bytes: number, redis?: string): Promise<BareEcho> {
  const size = String(bytes);
  const program = await (redis === undefined
    ? stage.program('grpc-echo', [size])
    : stage.program('grpc-read-echo', [size, redis]));
  const { port } = hello.parse(program.hello);
  return { pid: program.pid, stop: program.stop, address: `127.0.0.1:${port}`, path: '/echo.Echo/Echo' };
}
