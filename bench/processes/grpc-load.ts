import { readFileSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../figures.js';
import { grpcFrame } from '../load/grpc-frame.js';
import { type GrpcLoadPlan, type GrpcLoadResult, grpcLoadPlan } from '../load/grpc-load.js';
import { grpcCall, openSession } from '../load/http2-call.js';

/*
 * grpc-load PLAN: sends gRPC requests whose messages are all prepared beforehand, each another one, over bare HTTP/2, and looks at every
 * answer's status. Prints a first line when it is connected, and the result as the second one.
 */

const plan = grpcLoadPlan.parse(JSON.parse(process.argv[2] ?? ''));
const bodies = readFileSync(plan.bodies, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => grpcFrame(Buffer.from(line, 'base64')));
const sessions = await Promise.all(Array.from({ length: plan.connections }, () => openSession(plan.address)));
let failures = 0;
let latestMs = 0;
let firstFailure = '';
process.stdout.write('{}\n');

await closedLoop(Math.ceil(plan.inFlight / 8), 0, plan.warmUp);
const cpuBefore = process.cpuUsage();
const begin = performance.now();
const latencies = await measured(plan);
const seconds = (performance.now() - begin) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const result: GrpcLoadResult = {
  seconds,
  perSecond: latencies.length / seconds,
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
  maxMs: Math.max(...latencies),
  generatorCpu: (user + system) / 1e6 / seconds,
  latestMs,
  failures,
  firstFailure,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
for (const each of sessions) each.close();

function measured({ requests, warmUp, inFlight, perSecond }: GrpcLoadPlan): Promise<number[]> {
  return perSecond === null ? closedLoop(inFlight, warmUp, requests) : openLoop(perSecond, warmUp, requests);
}

/** As many at a time, the next one when one is answered. Returns the time that each took, in milliseconds. */
async function closedLoop(inFlight: number, first: number, count: number): Promise<number[]> {
  const took: number[] = [];
  let next = first;
  const one = async () => {
    while (next < first + count) {
      const sent = performance.now();
      await call(next++);
      took.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return took;
}

/** So many a second, however many are still to be answered. Each is timed from when it should have been sent, so being late counts. */
async function openLoop(perSecond: number, first: number, count: number): Promise<number[]> {
  const took: number[] = [];
  const calls: Promise<void>[] = [];
  const start = performance.now();
  while (calls.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1);
    while (calls.length < due) {
      const planned = start + (calls.length / perSecond) * 1000;
      latestMs = Math.max(latestMs, performance.now() - planned);
      const answered = call(first + calls.length).then(() => void took.push(performance.now() - planned));
      calls.push(answered);
    }
    await delay(1);
  }
  await Promise.all(calls);
  return took;
}

/** Resolves when it was answered, whatever the answer. */
async function call(number: number): Promise<void> {
  try {
    await grpcCall(sessionOf(number), plan.path, bodies[number % bodies.length] ?? Buffer.alloc(0));
  } catch (error) {
    failures += 1;
    firstFailure ||= error instanceof Error ? error.message : String(error);
  }
}

function sessionOf(number: number): ClientHttp2Session {
  const found = sessions[number % sessions.length];
  if (found === undefined) throw new Error('there is no connection');
  return found;
}
