import { DeployContainerRevisionRequest } from '../../gen/ts/longshore/containers/v1/container_service.js';
import type { Store } from '../../src/store/redis-store.js';
import { openStore } from '../../test/support/store-fixture.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { startBareEcho } from '../load/bare-echo.js';
import { bodiesFile, type GrpcLoadResult, grpcLoad } from '../load/grpc-load.js';
import { type HoldUps, watchHoldUps } from '../load/hold-ups.js';
import { populate, type Resident } from '../load/population.js';
import { cpuMeter } from '../load/process-figures.js';
import { type Round, type RowSpec, valueAtLeast, valueAtMost } from '../row.js';

const RATE: RowSpec = {
  name: 'durable submits, DeployRevision, 64 in flight',
  unit: 'requests/s',
  target: valueAtLeast(3_000),
};
const LATENCY: RowSpec = {
  name: 'durable submits, p99 at 1,000/s',
  unit: 'ms',
  target: valueAtMost(50),
};

const CONTAINERS = 10_000;
const CLOSED = { warmUp: 2_000, requests: 8_000, perSecond: null };
const CHECKED_EVERY = 100;
const OPEN = { warmUp: 2_000, requests: 5_000, perSecond: 1_000 };
/** About as long as the operation that a deploy is answered with. */
const ECHO_BYTES = 400;

/**
 * Deploys of containers that are at rest, each request of another one, accepted by a process with the role api only while no worker runs: every
 * answer means that Redis has written the operation to disk. The queues of the containers grow from round to round. The yardstick of the latency is what a
 * bare grpc-js echo has at the same rate: how late this machine lets anything answer.
 */
export const submits: Benchmark = {
  name: 'submits',
  rows: [RATE, LATENCY],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    const residents = await populate(store, CONTAINERS);
    const service = await stage.service({ REDIS_URL: redis.url, LONGSHORE_ROLES: 'api' });
    const echo = await startBareEcho(stage, ECHO_BYTES);
    const plan = {
      address: service.grpc,
      path: '/longshore.containers.v1.ContainerService/DeployRevision',
      bodies: bodiesFile(residents.map(({ containerId }) => deployOf(containerId))),
      connections: 4,
      inFlight: 64,
    };

    const closed: Closed[] = [];
    const open: Open[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      const used = { service: cpuMeter(service.pid), redis: cpuMeter(redis.pid) };
      const result = await grpcLoad(stage, { ...plan, ...CLOSED });
      const calls = CLOSED.warmUp + CLOSED.requests;
      closed.push({ ...result, micros: used.service(calls), redisMicros: used.redis(calls) });
      const heldUp = await watchHoldUps(service, redis);
      const paced = { ...(await grpcLoad(stage, { ...plan, ...OPEN })), ...(await heldUp()) };
      const bare = await grpcLoad(stage, { ...plan, ...OPEN, address: echo.address, path: echo.path });
      open.push({ ...paced, bareP99Ms: bare.p99Ms });
    }
    await checkRecorded(store, residents, stage.rounds);
    report(RATE, roundsOf(closed, 'perSecond'), rateNote(closed));
    const latencies = open.map(({ p99Ms, bareP99Ms }) => ({ value: p99Ms, yardstick: bareP99Ms }));
    report(LATENCY, latencies, latencyNote(open));
  },
};

interface Closed extends GrpcLoadResult {
  /** CPU of the service for one call. */
  readonly micros: number;
  readonly redisMicros: number;
}

interface Open extends GrpcLoadResult, HoldUps {
  readonly bareP99Ms: number;
}

const middle = <Key extends string>(results: readonly Record<Key, number>[], key: Key): number =>
  median(results.map((result) => result[key]));

const roundsOf = <Key extends string>(results: readonly Record<Key, number>[], key: Key): Round[] =>
  results.map((result) => ({ value: result[key] }));

function rateNote(results: readonly Closed[]): string {
  const figure = (key: 'p50Ms' | 'p99Ms' | 'micros' | 'redisMicros') => middle(results, key).toFixed(0);
  return [
    `${CONTAINERS.toLocaleString('en')} containers on 100 hosts; p50 ${figure('p50Ms')} ms, p99 ${figure('p99Ms')} ms`,
    `CPU of a call ${figure('micros')} µs in the service and ${figure('redisMicros')} µs in Redis`,
    generatorNote(results),
  ].join('; ');
}

function latencyNote(results: readonly Open[]): string {
  const figure = (key: keyof HoldUps | 'maxMs' | 'latestMs') => middle(results, key).toFixed(0);
  return [
    `timed from when each was to be sent; p50 ${middle(results, 'p50Ms').toFixed(1)} ms, longest ${figure('maxMs')} ms`,
    `held up at most: the service ${figure('service')} ms (its garbage collector within ${figure('collector')} ms), Redis ` +
      `${figure('redis')} ms, the load generator ${figure('latestMs')} ms`,
    generatorNote(results),
  ].join('; ');
}

const generatorNote = (results: readonly GrpcLoadResult[]): string =>
  `the load generator used ${(middle(results, 'generatorCpu') * 100).toFixed(0)} % of a core`;

/** Each deploy that was answered is in its container's journal, once. */
async function checkRecorded({ records }: Store, residents: readonly Resident[], rounds: number): Promise<void> {
  for (const [at, { containerId }] of residents.entries()) {
    if (at % CHECKED_EVERY !== 0) continue;
    const expected = rounds * (at < OPEN.warmUp + OPEN.requests ? 2 : 1);
    const index = { by: 'CONTAINER', containerId, done: false } as const;
    const { items } = await records.operations({ index, after: null, limit: 1_000 });
    if (items.length !== expected)
      throw new Error(`container ${containerId} has ${items.length} deploys in its journal instead of ${expected}`);
  }
}

function deployOf(containerId: string): Uint8Array {
  const imageSpec = { imageUrl: 'registry.example.com/team/app:1.1' };
  return DeployContainerRevisionRequest.encode(
    DeployContainerRevisionRequest.fromPartial({ containerId, imageSpec }),
  ).finish();
}
