import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import type { Store } from '../../../src/store/redis-store.js';
import { FULL } from '../../support/crash/judge.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import {
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  instanceOf,
  newContainer,
  newOperation,
  newRevision,
  openStore,
  routeOf,
  run,
  submit,
} from '../../support/store-fixture.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let store: Store;
beforeAll(async () => {
  redis = await startRedis();
  store = openStore(redis.url, { settings: { obsoleteRevisions: 2 } });
});
afterAll(async () => {
  await store?.controlPlane.close();
  await redis?.stop();
});

test('finished operations go when their time is over, their index entries with them', async () => {
  const brief = openStore(redis.url, { settings: { operationTtlMs: 1 } });
  try {
    const { id, operationId } = await createContainer(brief);
    const [held] = await brief.queue.take(1, 60_000);
    if (held === undefined) throw new Error('nothing was due');
    await run(brief, held, operationId);
    await until('it is swept by a later commit', async () => {
      await createContainer(brief);
      return (await brief.records.operation(operationId)) === null;
    });
    const done = { index: { by: 'CONTAINER', containerId: id } as const, after: null, limit: 5 };
    expect((await brief.records.operations(done)).items).toEqual([]);
    expect(await redis.cli('zcard', `{longshore}:operations-by-container/${id}`)).toBe('0');
  } finally {
    await brief.controlPlane.close();
  }
});

test('obsolete revisions beyond the limit go at a switch, but none that is still needed', async () => {
  const { id, held } = await activeContainer(store);
  const stable = await deployed(store, held);
  const retained = await deployed(store, held);
  const needed = { stableRevisionId: stable.revisionId, instances: [instanceOf(retained.revisionId)] };
  const old = await deployed(store, held, needed);
  const further: string[] = [];
  for (let count = 0; count < 3; count += 1) further.push((await deployed(store, held, needed)).revisionId);

  const list = await store.records.revisions({ index: { by: 'CONTAINER', containerId: id }, after: null, limit: 50 });
  const left = new Map(list.items.map((revision) => [revision.id, revision.status]));
  expect(left.get(stable.revisionId)).toBe('OBSOLETE');
  expect(left.get(retained.revisionId)).toBe('OBSOLETE');
  expect(left.get(further[2] ?? '')).toBe('ACTIVE');
  // Two more at most are kept for their own sake: the newest.
  expect(left.get(further[1] ?? '')).toBe('OBSOLETE');
  expect(left.get(further[0] ?? '')).toBe('OBSOLETE');
  expect(await store.records.revision(old.revisionId)).toBeNull();
  expect(list.items).toHaveLength(5);
});

test('a queued rollback keeps its target', async () => {
  const { id, held } = await activeContainer(store);
  const target = await deployed(store, held);
  await deployed(store, held);
  await submit(store, 'ROLLBACK', id, target.revisionId);
  const state = EMPTY_STATE;
  for (let count = 0; count < 3; count += 1) {
    // The worker takes them in order; what counts here is that a switch happens while the rollback waits.
    const { revisionId } = await deploy(store, id);
    const route = routeOf(id, { revisionId });
    await store.containerWork.switchRevision(held, { containerId: id, state, revisionId, route });
  }
  expect(await store.records.revision(target.revisionId)).toMatchObject({ status: 'OBSOLETE' });
});

test('idempotency records and memories of taken work expire by themselves', async () => {
  const container = newContainer();
  const idempotency = { key: 'once', requestHash: 'h' };
  await store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id), idempotency), container });
  const [held] = await store.queue.take(1, 60_000);
  const ttl = async (pattern: string) => {
    const key = await redis.cli('--scan', '--pattern', pattern);
    return Number(await redis.cli('pttl', key.split('\n')[0] ?? ''));
  };
  expect(held).toBeDefined();
  expect(await ttl('*idempotency/once')).toBeGreaterThan(23 * 3_600_000);
  expect(await ttl('*:taken/*')).toBeGreaterThan(0);
});

/** Operations that are over and not forgotten yet when it is counted, and what one of them takes at most. */
const LEFT = 4;
const OPERATION_BYTES = 1_000;

test('what Redis keeps of a container does not grow with its operations', async () => {
  const moment = { operationTtlMs: 1, idempotencyTtlMs: 1, tombstoneTtlMs: 1, obsoleteRevisions: 2 };
  const own = await startRedis();
  const brief = openStore(own.url, { settings: moment });
  try {
    const { id } = await createContainer(brief);
    /** A deploy that ends before it runs: with a revision, a place in the journal and a key, and again without. Sent again where no answer came. */
    const operate = async () => {
      const revision = newRevision(id);
      const operation = newOperation('DEPLOY', id, { revisionId: revision.id });
      const request = { ...commitOf(operation, { key: operation.id, requestHash: 'h' }), revision };
      await until('it is accepted', async () => (await brief.records.submit(request)).kind === 'COMMITTED');
      await until('it is cancelled', async () => (await brief.records.cancel(operation.id)) !== undefined);
    };
    const bytes = async () => {
      const names = (await own.cli('--scan')).split('\n').filter((name) => !name.includes(':taken/'));
      const sizes = await Promise.all(names.map((name) => own.cli('memory', 'usage', name, 'samples', '0')));
      return sizes.reduce((sum, size) => sum + Number(size), 0);
    };
    /** Many operations, and then as many as it takes to forget all but the last. */
    const spell = async (rounds: number) => {
      for (let count = 0; count < rounds; count += 1) await operate();
      await until('what is over is forgotten', async () => {
        await operate();
        return Number(await own.cli('llen', '{longshore}:operations-by-end')) <= LEFT;
      });
      await until('keys are forgotten', async () => (await own.cli('--scan', '--pattern', '*idempotency*')) === '');
      return bytes();
    };
    const few = await spell(10);
    const many = await spell(FULL ? 50_000 : 100);
    // A few that are over may be there still; counters have more digits; and the rest of the allocator's sizes.
    expect(many).toBeLessThan(few + LEFT * OPERATION_BYTES);
  } finally {
    await brief.controlPlane.close();
    await own.stop();
  }
}, 900_000);
