import { Redis } from 'ioredis';
import { GetContainerRequest } from '../../gen/ts/longshore/containers/v1/container_service.js';
import { GetOperationRequest } from '../../gen/ts/longshore/operation/v1/operation_service.js';
import { openStore } from '../../test/support/store-fixture.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { type BareEcho, startBareEcho } from '../load/bare-echo.js';
import { callOnce } from '../load/call-once.js';
import { type GrpcLoad, h2load } from '../load/h2load.js';
import { populate } from '../load/population.js';
import { cpuMeter } from '../load/process-figures.js';
import { type Round, type RowSpec, ratioAtLeast } from '../row.js';
import type { Stage } from '../stage.js';

const CONTAINER: RowSpec = {
  name: 'ContainerService.Get, against a bare grpc-js echo',
  unit: 'requests/s',
  target: ratioAtLeast(0.8),
};
const OPERATION: RowSpec = {
  name: 'OperationService.Get, against a bare grpc-js echo',
  unit: 'requests/s',
  target: ratioAtLeast(0.8),
};

const LOAD = { connections: 4, streams: 32, requests: 20_000 };
const WARM_UP = 10_000;

/**
 * Reading one resource, from a process with the role api only, on a Redis that is busy with nothing else. The echo gets requests of the same size
 * and answers with messages of the same size; only one of the servers is ever under load. A third one, the echo with a bare reading of Redis, shows what
 * is left to gain; its figures are in the note.
 */
export const get: Benchmark = {
  name: 'get',
  rows: [CONTAINER, OPERATION],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    const [resident] = await populate(store, 100);
    if (resident === undefined) throw new Error('nothing was seeded');
    const service = await stage.service({ REDIS_URL: redis.url, LONGSHORE_ROLES: 'api' });
    const asked = new Redis(redis.socketPath);
    stage.after(() => asked.disconnect());

    const { containerId, operationId } = resident;
    const { grpc: address, pid } = service;
    const gets = [
      {
        row: CONTAINER,
        path: '/longshore.containers.v1.ContainerService/Get',
        request: GetContainerRequest.encode({ containerId }).finish(),
        id: containerId,
      },
      {
        row: OPERATION,
        path: '/longshore.operation.v1.OperationService/Get',
        request: GetOperationRequest.encode({ operationId }).finish(),
        id: operationId,
      },
    ];
    for (const { row, id, ...call } of gets) {
      const answer = await callOnce({ ...call, address });
      if (!answer.includes(id)) throw new Error(`${call.path} did not answer with ${id}`);
      const load = { ...call, ...LOAD, address, answerBytes: answer.length };
      const { rounds, note } = await compare(stage, { load, pid, redis: redis.socketPath }, () => keysRead(asked));
      report(row, rounds, note);
    }
  },
};

async function compare(
  stage: Stage,
  { load: ours, pid, redis }: { readonly load: GrpcLoad; readonly pid: number; readonly redis: string },
  keysReadSoFar: () => Promise<number>,
): Promise<{ rounds: readonly Round[]; note: string }> {
  const echo = await startBareEcho(stage, ours.answerBytes);
  const reader = await startBareEcho(stage, ours.answerBytes, redis);
  const at = ({ address, path }: BareEcho): GrpcLoad => ({ ...ours, address, path });
  const [theirs, readers] = [at(echo), at(reader)];
  for (const load of [ours, theirs, readers]) await h2load({ ...load, requests: WARM_UP });

  const rounds: Round[] = [];
  const figures: Figures[] = [];
  for (let round = 0; round < stage.rounds; round += 1) {
    const before = await keysReadSoFar();
    const own = await underLoad(ours, pid);
    const read = (await keysReadSoFar()) - before;
    if (read < ours.requests) throw new Error(`${ours.requests} calls of ${ours.path} read Redis ${read} times only`);
    const other = await underLoad(theirs, echo.pid);
    const least = await underLoad(readers, reader.pid);
    rounds.push({ value: own.perSecond, yardstick: other.perSecond });
    figures.push({
      generatorCpu: other.generatorCpu,
      ownMicros: own.serverMicros,
      echoMicros: other.serverMicros,
      readerMicros: least.serverMicros,
      readerRatio: least.perSecond / other.perSecond,
    });
  }
  await echo.stop();
  await reader.stop();
  return { rounds, note: noteOf(ours, figures) };
}

/** A call's CPU in the server too: unlike the rate, it hardly changes with what else the machine does. */
async function underLoad(load: GrpcLoad, pid: number) {
  const used = cpuMeter(pid);
  const result = await h2load(load);
  return { ...result, serverMicros: used(load.requests) };
}

interface Figures {
  readonly generatorCpu: number;
  readonly ownMicros: number;
  readonly echoMicros: number;
  readonly readerMicros: number;
  readonly readerRatio: number;
}

function noteOf({ request, answerBytes: bytes, connections, streams }: GrpcLoad, figures: readonly Figures[]): string {
  const middle = (name: keyof Figures) => median(figures.map((each) => each[name]));
  return [
    `${request.length} bytes asked, ${bytes} answered, ${connections} connections with ${streams} streams each, every call read Redis`,
    `CPU of a call ${middle('ownMicros').toFixed(0)} µs, of an echo ${middle('echoMicros').toFixed(0)} µs`,
    `an echo that only reads Redis takes ${middle('readerMicros').toFixed(0)} µs and reaches ${middle('readerRatio').toFixed(2)} of the bare one`,
    `at the echo's rate h2load itself used ${(middle('generatorCpu') * 100).toFixed(0)} % of a core`,
  ].join('; ');
}

/** How many keys Redis has looked up for reading, ever. */
async function keysRead(redis: Redis): Promise<number> {
  const stats = await redis.info('stats');
  return ['keyspace_hits', 'keyspace_misses'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)?.[1]),
    0,
  );
}
