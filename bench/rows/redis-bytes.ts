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
/** Of each container and round. */
const DEPLOYS = 10;
const WIDTH = 50;

/** Kept of each container beside the active one, so few that after one deploy each there are never more of them. */
const OBSOLETE_REVISIONS = 1;

/**
 * How much Redis grows by a deploy that went well, all in all, while containers, what is placed of them and their revisions stay as many as they
 * were: revisions are kept by their number, so in the long run a deploy adds none. What a revision takes is told beside it.
 */
export const redisBytes: Benchmark = {
  name: 'redis-bytes',
  rows: [BYTES],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url, { settings: { obsoleteRevisions: OBSOLETE_REVISIONS } });
    stage.after(() => store.controlPlane.close());
    const look = new Redis(redis.socketPath);
    stage.after(() => look.disconnect());

    const residents = await populate(store, CONTAINERS);
    await deployAll(store, residents);
    const operations = CONTAINERS * DEPLOYS;
    const looks = [await redisMemory(look)];
    for (let round = 0; round < stage.rounds; round += 1) {
      for (let deploy = 0; deploy < DEPLOYS; deploy += 1) await deployAll(store, residents);
      looks.push(await redisMemory(look));
    }
    const grown = looks.slice(1).map((after, at) => growth(looks[at] ?? after, after, operations));
    const revision = revisionBytes(looks.at(-1)) / (CONTAINERS * (1 + OBSOLETE_REVISIONS));
    report(
      BYTES,
      grown.map(({ bytes }) => ({ value: bytes })),
      `by keys: ${partsOf(grown)}; a revision, of which a container keeps a fixed number, takes ${revision.toFixed(0)}`,
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

/** What one operation adds. */
function growth(before: RedisMemory, after: RedisMemory, operations: number): RedisMemory {
  const families = new Map<string, number>();
  for (const [family, bytes] of after.families)
    families.set(family, (bytes - (before.families.get(family) ?? 0)) / operations);
  return { bytes: (after.bytes - before.bytes) / operations, families };
}

function revisionBytes(memory: RedisMemory | undefined): number {
  const found = [...(memory?.families ?? [])].filter(([family]) => family.startsWith('revision'));
  return found.reduce((sum, [, bytes]) => sum + bytes, 0);
}

function partsOf(grown: readonly RedisMemory[]): string {
  const names = new Set(grown.flatMap(({ families }) => [...families.keys()]));
  return [...names]
    .map((name) => [name, median(grown.map(({ families }) => families.get(name) ?? 0))] as const)
    .filter(([, bytes]) => Math.abs(bytes) >= 1)
    .sort(([, one], [, other]) => other - one)
    .map(([name, bytes]) => `${name} ${bytes.toFixed(0)}`)
    .join(', ');
}
