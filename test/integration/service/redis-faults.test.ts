import { type CallOptions, Metadata, type ServiceError } from '@grpc/grpc-js';
import { Container } from '../../../gen/ts/longshore/containers/v1/container.js';
import {
  CreateContainerRequest,
  DeployContainerRevisionRequest,
} from '../../../gen/ts/longshore/containers/v1/container_service.js';
import type { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { FULL } from '../../support/crash/judge.js';
import { MEMORY_IMAGE, type MemoryService, startMemoryService } from '../../support/memory-service.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let service: MemoryService;
beforeAll(async () => {
  redis = await startRedis();
  service = await startMemoryService(redis.url);
});
afterAll(async () => {
  redis?.resume();
  await service?.stop(5_000);
  await redis?.stop();
});

const UNAVAILABLE = 14;
/** Far more than a call may take: who gets no answer until then has found a call that hangs. */
const HANGS_MS = 10_000;

type Answer = { readonly operation: Operation } | { readonly code: number };

/** A request with an idempotency key. */
const asked = (
  key: string,
  call: (
    metadata: Metadata,
    options: CallOptions,
    done: (error: ServiceError | null, answer: Operation) => void,
  ) => unknown,
): Promise<Answer> =>
  new Promise((resolve) => {
    const metadata = new Metadata();
    metadata.set('idempotency-key', key);
    call(metadata, { deadline: Date.now() + HANGS_MS }, (error, operation) =>
      resolve(error ? { code: error.code } : { operation }),
    );
  });

const create = (key: string) =>
  asked(key, (...how) => {
    service.client.containers.create(CreateContainerRequest.fromPartial({ folderId: 'faults', name: key }), ...how);
  });

const deploy = (key: string, containerId: string) =>
  asked(key, (...how) => {
    const request = { containerId, imageSpec: { imageUrl: MEMORY_IMAGE } };
    service.client.containers.deployRevision(DeployContainerRevisionRequest.fromPartial(request), ...how);
  });

/** Sent again until it is accepted, which it is once. */
const accepted = (what: string, send: () => Promise<Answer>) =>
  until(`${what} is accepted`, async () => {
    const answer = await send();
    return 'operation' in answer && answer.operation;
  });

const read = (containerId: string): Promise<number> =>
  new Promise((resolve) => {
    const options = { deadline: Date.now() + HANGS_MS };
    service.client.containers.get({ containerId }, new Metadata(), options, (error: ServiceError | null) =>
      resolve(error ? error.code : 0),
    );
  });

const config = (...words: string[]) => redis.cli('config', 'set', ...words);
const lasting = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Fault {
  readonly ms: number;
  begin(): unknown;
  end(): unknown;
}

let limping: NodeJS.Timeout | undefined;
const FAULTS: Readonly<Record<string, Fault>> = {
  'killed and started again': { ms: 1_500, begin: () => redis.kill(), end: () => redis.start() },
  stopped: { ms: FULL ? 30_000 : 4_500, begin: () => redis.pause(), end: () => redis.resume() },
  full: { ms: 1_500, begin: () => config('maxmemory', '1mb'), end: () => config('maxmemory', '0') },
  'made a replica': {
    ms: 1_500,
    begin: () => redis.cli('replicaof', '127.0.0.1', '1'),
    end: () => redis.cli('replicaof', 'no', 'one'),
  },
  'without its replicas': {
    ms: 1_500,
    begin: () => config('min-replicas-to-write', '1'),
    end: () => config('min-replicas-to-write', '0'),
  },
  slow: {
    ms: 3_000,
    begin: () => {
      // It runs for 5 ms, then not for 100.
      limping = setInterval(() => {
        redis.resume();
        setTimeout(() => {
          if (limping) redis.pause();
        }, 5);
      }, 105);
    },
    end: () => {
      clearInterval(limping);
      limping = undefined;
      redis.resume();
    },
  },
};

let round = 0;

// The lease that a deploy is worked under lapses meanwhile where the fault lasts longer.
test.each(Object.keys(FAULTS))(
  'while Redis is %s calls succeed or say UNAVAILABLE, and then all goes on',
  async (kind) => {
    const fault = FAULTS[kind];
    if (fault === undefined) throw new Error(`nobody knows of ${kind}`);
    const { client } = service;
    round += 1;
    const name = `before-${round}`;
    const { id } = responseOf(await client.succeeded(await accepted(name, () => create(name))), Container);
    const deployed = await accepted('a deploy', () => deploy(`deploy-${round}`, id));

    await fault.begin();
    const answers = new Map<string, Answer>();
    const reads: number[] = [];
    let over = false;
    const calling = (async () => {
      for (let count = 0; !over; count += 1) {
        const key = `c-${round}-${count}`;
        const [answer, code] = await Promise.all([create(key), read(id)]);
        answers.set(key, answer);
        reads.push(code);
        await lasting(50);
      }
    })();
    await lasting(fault.ms);
    await fault.end();
    over = true;
    await calling;

    const codes = [...answers.values()].flatMap((answer) => ('code' in answer ? [answer.code] : []));
    expect([...codes, ...reads].filter((code) => code !== UNAVAILABLE && code !== 0)).toEqual([]);
    expect(answers.size).toBeGreaterThan(0);
    // What was accepted is there; what was not, or nobody knows of, is accepted once, now.
    for (const [key, answer] of answers) {
      const again = await accepted(key, () => create(key));
      if ('operation' in answer) expect(again.id).toBe(answer.operation.id);
      await client.succeeded(again);
    }
    await client.succeeded(deployed);
    const { instances } = await until('it is read', () => client.container(id));
    expect(instances).toHaveLength(1);
  },
);
