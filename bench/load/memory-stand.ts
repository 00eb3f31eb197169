import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  CreateContainerRequest,
  DeployContainerRevisionRequest,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import { createKeys } from '../../src/store/keys.js';
import type { WorkKey } from '../../src/store/work.js';
import type { RedisServer } from '../../test/support/redis.js';
import { openStore } from '../../test/support/store-fixture.js';
import type { Stage } from '../stage.js';
import { grpcFrame } from './grpc-frame.js';
import { grpcCall, openSession } from './http2-call.js';
import { MEMORY_IMAGE } from './memory-hosts.js';

/** Containers that services on hosts in memory run. */
export interface MemoryStand {
  /** Creates so many containers, 64 at a time; resolves with their ids when all are ACTIVE. */
  create(count: number): Promise<readonly string[]>;
  /** Deploys a revision on each, 64 submits at a time; resolves when all are done, within some milliseconds. Rejects where one failed. */
  deploy(containerIds: readonly string[]): Promise<void>;
  /** Whether no key is being worked and none is due. */
  idle(): Promise<boolean>;
  /** Makes keys due, all at once. */
  wake(keys: readonly WorkKey[]): Promise<void>;
}

const CALLERS = 64;
const FOLDER = 'test';
const POLL_MS = 5;
const LONGEST_MS = 300_000;

/** Submits to the service at `grpc`; how far it is, is read from Redis, which costs the service nothing. */
export async function memoryStand(stage: Stage, redis: RedisServer, grpc: string): Promise<MemoryStand> {
  const session = await openSession(grpc);
  stage.after(() => session.destroy());
  const call = (method: string, message: Uint8Array) =>
    grpcCall(session, `/longshore.containers.v1.ContainerService/${method}`, grpcFrame(message));
  const store = openStore(redis.url);
  stage.after(() => store.controlPlane.close());
  await store.controlPlane.check();
  const direct = new Redis(redis.socketPath);
  stage.after(() => direct.disconnect());
  const count = (...index: Parameters<typeof keys.key>) => direct.zcard(keys.key(...index));
  const finished = async (): Promise<void> => {
    const deadline = performance.now() + LONGEST_MS;
    while ((await count('operations-by-folder', FOLDER, '0')) > 0) {
      if (performance.now() > deadline) throw new Error('operations that should have ended long since have not');
      await delay(POLL_MS);
    }
  };
  return {
    create: async (wanted) => {
      const names = Array.from({ length: wanted }, (_, number) => `c-${number}`);
      await atOnce(names, (name) => call('Create', createOf(name)));
      await finished();
      return direct.zrange(keys.key('containers-by-folder', FOLDER), '0', '-1');
    },
    deploy: async (containerIds) => {
      const counted = (status: string) => count('revisions-by-folder-status', FOLDER, status);
      const revisions = async () => (await counted('ACTIVE')) + (await counted('OBSOLETE'));
      const before = await revisions();
      await atOnce(containerIds, (id) => call('DeployRevision', deployOf(id)));
      await finished();
      // What a failed deploy leaves is no revision.
      const made = (await revisions()) - before;
      if (made !== containerIds.length) throw new Error(`${made} of ${containerIds.length} deploys succeeded`);
    },
    idle: async () => {
      const [due, leased] = await Promise.all([
        direct.zcount(keys.key('due'), '-inf', String(Date.now())),
        direct.zcard(keys.key('lapse')),
      ]);
      return due === 0 && leased === 0;
    },
    wake: async (woken) => {
      await Promise.all(woken.map((key) => store.queue.enqueue(key, 0)));
    },
  };
}

const keys = createKeys();

const createOf = (name: string): Uint8Array =>
  CreateContainerRequest.encode(CreateContainerRequest.fromPartial({ folderId: FOLDER, name })).finish();

function deployOf(containerId: string): Uint8Array {
  const request = DeployContainerRevisionRequest.fromPartial({ containerId, imageSpec: { imageUrl: MEMORY_IMAGE } });
  return DeployContainerRevisionRequest.encode(request).finish();
}

async function atOnce<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const caller = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await act(item);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}
