import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { newDirectory } from '../../test/support/run-directory.js';
import type { Stage } from '../stage.js';

/** What processes/grpc-load is to send. */
export const grpcLoadPlan = z.object({
  /** `host:port`. */
  address: z.string(),
  /** `/package.Service/Method` */
  path: z.string(),
  /** A file with a message a line, as base64. Each is sent in turn, from the first again after the last. */
  bodies: z.string(),
  connections: z.number(),
  /** Sent first and not measured, an eighth of `inFlight` at a time. */
  warmUp: z.number(),
  requests: z.number(),
  inFlight: z.number(),
  /** Null: the next request is sent when one of those in flight is answered. A number: so many a second, whatever is answered. */
  perSecond: z.number().nullable(),
});

export type GrpcLoadPlan = z.infer<typeof grpcLoadPlan>;

const grpcLoadResult = z.object({
  seconds: z.number(),
  perSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  /** CPU seconds that the generator used per second: near 1 it is the bottleneck itself. */
  generatorCpu: z.number(),
  /** The longest that one was sent later than it should have been, `perSecond` given: the generator itself was held up for that long. */
  latestMs: z.number(),
  /** Calls that were not answered OK, warm-up included. */
  failures: z.number(),
  firstFailure: z.string(),
});

export type GrpcLoadResult = z.infer<typeof grpcLoadResult>;

/** A file of messages for a plan. */
export function bodiesFile(messages: readonly Uint8Array[]): string {
  const file = join(newDirectory('load'), 'bodies');
  writeFileSync(file, messages.map((message) => Buffer.from(message).toString('base64')).join('\n'));
  return file;
}

/** Load from a process of its own. Rejects unless every call was answered OK. */
export async function grpcLoad(stage: Stage, plan: GrpcLoadPlan): Promise<GrpcLoadResult> {
  const program = await stage.program('grpc-load', [JSON.stringify(plan)]);
  const code = await program.ended;
  const lines = program.lines();
  if (code !== 0) throw new Error(`the load generator ended with ${code}:\n${lines.join('\n')}`);
  const result = grpcLoadResult.parse(JSON.parse(lines.at(-1) ?? ''));
  if (result.failures > 0)
    throw new Error(
      `${result.failures} calls of ${plan.path} were not answered OK, the first one with ${result.firstFailure}`,
    );
  return result;
}
