import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Store } from '../../src/store/redis-store.js';
import type { Lease } from '../../src/store/work.js';
import { newDirectory } from '../../test/support/run-directory.js';
import { accepted, newOperation, openStore } from '../../test/support/store-fixture.js';
import { until } from '../../test/support/until.js';
import type { Benchmark } from '../benchmark.js';
import { median, percentile } from '../figures.js';
import { startBareEcho } from '../load/bare-echo.js';
import { bodiesFile, grpcLoad } from '../load/grpc-load.js';
import { type HoldUps, watchHoldUps } from '../load/hold-ups.js';
import { inParallel } from '../load/in-parallel.js';
import {
  containerKey,
  type Deploy,
  endDeploy,
  leasesOf,
  newPlainRevision,
  populate,
  type Resident,
  switchTo,
} from '../load/population.js';
import { residentBytesOf } from '../load/process-figures.js';
import { type Round, type RowSpec, valueAtMost } from '../row.js';
import type { Program } from '../stage.js';

const LATENCY: RowSpec = {
  name: "from an operation's end to the return of its Wait, p99",
  unit: 'ms',
  target: valueAtMost(20),
};
const MEMORY: RowSpec = {
  name: 'memory of a client in Wait, of 1,000',
  unit: 'KB',
  target: valueAtMost(50),
};

const CLIENTS = 1_000;
const WIDTH = 50;
const ENDS_PER_SECOND = 200;
/** Ended first and not measured: what answers them runs for the first time. */
const WARM_UP = 400;
/** About as long as a request for an operation, and the answer. */
const [ASKED_BYTES, ECHO_BYTES] = [22, 400];
const ECHO_CALLS = { connections: 4, inFlight: 64, warmUp: 0, requests: 1_000, perSecond: ENDS_PER_SECOND };
/** Long enough for a few sweeps over all that is waited for. */
const SETTLING_MS = 10_000;

/**
 * Processes: one ends the operations (this one, through the store, as a worker does), one has the role api, and two hold a thousand clients each, every
 * client with a connection of its own and in Wait on another operation. Time runs from right before the script that ends the operation is sent, so
 * writing it to disk counts; the yardstick is what a bare grpc-js echo takes that is called as often. Memory is what the second thousand adds, so that what
 * a process grows by once is not counted.
 */
export const wait: Benchmark = {
  name: 'wait',
  rows: [LATENCY, MEMORY],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    const residents = await populate(store, 2 * CLIENTS);
    const echo = await startBareEcho(stage, ECHO_BYTES);
    const bodies = bodiesFile([new Uint8Array(ASKED_BYTES)]);
    const latencies: (readonly number[])[] = [];
    const bare: number[] = [];
    const memories: Round[] = [];
    const holdUps: HoldUps[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const running = await startDeploys(store, residents);
      const service = await stage.service({ REDIS_URL: redis.url, LONGSHORE_ROLES: 'api' });
      const clients: Program[] = [];
      const bytes: number[] = [];
      for (const half of [running.slice(0, CLIENTS), running.slice(CLIENTS)]) {
        clients.push(await stage.program('waiters', [service.grpc, operationsFile(half)]));
        await delay(SETTLING_MS);
        bytes.push(residentBytesOf(service.pid));
      }
      memories.push({ value: ((bytes[1] ?? Number.NaN) - (bytes[0] ?? Number.NaN)) / CLIENTS / 1e3 });
      const heldUp = await watchHoldUps(service, redis);
      latencies.push(await endAll(store, running, clients));
      holdUps.push(await heldUp());
      for (const each of clients) await each.stop();
      await service.stop();
      bare.push((await grpcLoad(stage, { ...ECHO_CALLS, address: echo.address, path: echo.path, bodies })).p99Ms);
    }
    const rounds = latencies.map((each, at) => ({ value: percentile(each, 0.99), yardstick: bare[at] ?? Number.NaN }));
    const [p50, longest] = [middle(latencies, 0.5), middle(latencies, 1)];
    const most = (key: keyof HoldUps) => median(holdUps.map((each) => each[key])).toFixed(0);
    const note = `${ENDS_PER_SECOND} ends a second; p50 ${p50} ms, longest ${longest} ms`;
    report(LATENCY, rounds, `${note}; held up at most: the service ${most('service')} ms, Redis ${most('redis')} ms`);
    report(MEMORY, memories, 'resident set of the process, the connection of each client included');
  },
};

const middle = (rounds: readonly (readonly number[])[], share: number): string =>
  median(rounds.map((each) => percentile(each, share))).toFixed(1);

interface Running extends Deploy {
  readonly lease: Lease;
}

/** A deploy of each container, up to its end. */
async function startDeploys(store: Store, residents: readonly Resident[]): Promise<readonly Running[]> {
  const submitted = await inParallel(WIDTH, residents, async ({ containerId, state }) => {
    const revision = newPlainRevision(containerId);
    const operation = newOperation('DEPLOY', containerId, { revisionId: revision.id });
    accepted(await store.records.submit({ operation, idempotency: null, revision }));
    return { revision, operationId: operation.id, state };
  });
  const leases = await leasesOf(
    store,
    submitted.map(({ revision }) => containerKey(revision.containerId)),
  );
  return inParallel(WIDTH, submitted, async (deploy) => {
    const { containerId } = deploy.revision;
    const lease = leases.get(containerKey(containerId));
    if (lease === undefined) throw new Error(`${containerId} is not leased`);
    await store.containerWork.takeOperation(lease, { ...deploy, containerId });
    await switchTo(store, lease, deploy);
    return { ...deploy, lease };
  });
}

function operationsFile(running: readonly Running[]): string {
  const file = join(newDirectory('load'), 'operations');
  writeFileSync(file, running.map(({ operationId }) => operationId).join('\n'));
  return file;
}

/** Ends one operation after the other, and tells for each after how many milliseconds its client had the answer. */
async function endAll(
  store: Store,
  running: readonly Running[],
  clients: readonly Program[],
): Promise<readonly number[]> {
  const endedAt = new Map<string, number>();
  const start = performance.now();
  const ends = running.map(async (deploy, at) => {
    await delay(start + (at / ENDS_PER_SECOND) * 1000 - performance.now());
    endedAt.set(deploy.operationId, Number(process.hrtime.bigint()) / 1e6);
    await endDeploy(store, deploy.lease, deploy);
    await store.queue.release(deploy.lease, { delayMs: null, clean: true });
  });
  await Promise.all(ends);
  const answers = await Promise.all(clients.map(answersTo));
  const answeredAt = new Map(answers.flatMap((each) => Object.entries(each)));
  return [...endedAt].slice(WARM_UP).map(([operationId, ended]) => (answeredAt.get(operationId) ?? Number.NaN) - ended);
}

async function answersTo(clients: Program): Promise<Readonly<Record<string, number>>> {
  const ended = clients.ended.then((code) => {
    throw new Error(`the waiting clients ended with ${code}:\n${clients.lines().join('\n')}`);
  });
  const second = until('all waiting clients are answered', () => clients.lines()[1], 60_000);
  return z.record(z.string(), z.number()).parse(JSON.parse(await Promise.race([second, ended])));
}
