import { Redis } from 'ioredis';
import type { Store } from '../../src/store/redis-store.js';
import type { Lease, WorkKey } from '../../src/store/work.js';
import { accepted, newId, newOperation, openStore } from '../../test/support/store-fixture.js';
import type { Benchmark } from '../benchmark.js';
import { median } from '../figures.js';
import { inParallel } from '../load/in-parallel.js';
import { containerKey, finishDeploy, leasesOf, newPlainRevision, populate, type Resident } from '../load/population.js';
import { type RedisMemory, redisMemory } from '../load/redis-memory.js';
import { type RowSpec, valueAtMost } from '../row.js';

const BYTES: RowSpec = {
  name: 'Redis memory of a finished operation',
  unit: 'bytes',
  target: valueAtMost(1_000),
};

const CONTAINERS = 500;
/** Of each container and round; over five rounds no more than the obsolete revisions that are kept. */
const DEPLOYS = 10;
const WIDTH = 50;

/**
 * How much Redis grows by a deploy that went well: by the operation, its entries in the indexes, and the room that Redis needs for more keys, while
 * containers and what is placed of them stay as many as they were. The revision that it made is told beside it: revisions are kept by their
 * number, so in the long run a deploy adds none.
 */
export const redisBytes: Benchmark = {
  name: 'redis-bytes',
  rows: [BYTES],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    const look = new Redis(redis.socketPath);
    stage.after(() => look.disconnect());

    const residents = await populate(store, CONTAINERS);
    const operations = CONTAINERS * DEPLOYS;
    const looks = [await redisMemory(look)];
    for (let round = 0; round < stage.rounds; round += 1) {
      for (let deploy = 0; deploy < DEPLOYS; deploy += 1) await deployAll(store, residents);
      looks.push(await redisMemory(look));
    }
    const grown = looks.slice(1).map((after, at) => growth(looks[at] ?? after, after, operations));
    report(
      BYTES,
      grown.map(({ bytes }) => ({ value: bytes })),
      noteOf(grown),
    );
  },
};

/** A deploy of each container, from the submit to its end, with the scripts that services and workers use. */
async function deployAll(store: Store, residents: readonly Resident[]): Promise<void> {
  const submitted = await inParallel(WIDTH, residents, (resident) => submit(store, resident));
  const leases = await leasesOf(
    store,
    submitted.map(({ revision }) => containerKey(revision.containerId)),
  );
  await inParallel(WIDTH, submitted, (deploy) => finish(store, deploy, leases));
}

async function submit({ records }: Store, resident: Resident) {
  const { containerId } = resident;
  const revision = newPlainRevision(containerId);
  const operation = newOperation('DEPLOY', containerId, { revisionId: revision.id });
  const idempotency = { key: newId('operation'), requestHash: 'a'.repeat(64) };
  accepted(await records.submit({ operation, idempotency, revision }));
  return { resident, revision, operationId: operation.id };
}

type Submitted = Awaited<ReturnType<typeof submit>>;

async function finish(
  store: Store,
  { resident, revision, operationId }: Submitted,
  leases: ReadonlyMap<WorkKey, Lease>,
): Promise<void> {
  const { containerId } = resident;
  const lease = leases.get(containerKey(containerId));
  if (lease === undefined) throw new Error(`${containerId} is not leased`);
  const instances = resident.state.instances.map((instance) => ({ ...instance, revisionId: revision.id }));
  const active = { activeRevisionId: revision.id, stableRevisionId: revision.id };
  const state = { ...resident.state, ...active, instances };
  await store.containerWork.takeOperation(lease, { containerId, state: resident.state, operationId });
  await finishDeploy(store, lease, { revision, operationId, state });
  await store.queue.release(lease, { delayMs: null, clean: true });
}

interface Growth {
  /** Of one operation. */
  readonly bytes: number;
  /** Of one operation, by families of keys. */
  readonly families: ReadonlyMap<string, number>;
  /** Of its revision. */
  readonly revisionBytes: number;
}

function growth(before: RedisMemory, after: RedisMemory, operations: number): Growth {
  const families = new Map<string, number>();
  let revisionBytes = 0;
  for (const [family, bytes] of after.families) {
    const each = (bytes - (before.families.get(family) ?? 0)) / operations;
    if (family.startsWith('revision')) revisionBytes += each;
    else families.set(family, each);
  }
  return { bytes: (after.bytes - before.bytes) / operations - revisionBytes, families, revisionBytes };
}

function noteOf(grown: readonly Growth[]): string {
  const names = new Set(grown.flatMap(({ families }) => [...families.keys()]));
  const parts = [...names]
    .map((name) => [name, median(grown.map(({ families }) => families.get(name) ?? 0))] as const)
    .filter(([, bytes]) => Math.abs(bytes) >= 1)
    .sort(([, one], [, other]) => other - one)
    .map(([name, bytes]) => `${name} ${bytes.toFixed(0)}`);
  const revision = median(grown.map(({ revisionBytes }) => revisionBytes)).toFixed(0);
  return `by keys: ${parts.join(', ')}; the revision of a deploy takes another ${revision}, of which a container keeps a fixed number`;
}
