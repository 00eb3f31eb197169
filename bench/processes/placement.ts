import type { Resources, RevisionSpec } from '../../src/domain/revision.js';
import { place } from '../../src/scheduler/place.js';
import type { HostSnapshot, PlacementRequest } from '../../src/scheduler/placement.js';
import { leasedResources } from '../../src/scheduler/resources.js';
import { createRedisClient } from '../../src/store/redis-client.js';
import { createStore } from '../../src/store/redis-store.js';
import type { DeviceLease, Lease, WorkKey } from '../../src/store/work.js';
import { activeContainer, instanceOf, newId, stateOf } from '../../test/support/store-fixture.js';
import { memoryHostConfigs } from '../load/memory-hosts.js';

/*
 * Placement on hosts whose GPUs are taken to 90 %, as a worker does it: read the hosts, decide with all filters, lease with the script. Each of the
 * holders has a container whose oldest instances end as new ones come, so that the hosts stay as full as they are. Arguments: URL of Redis, how many
 * hosts, for how many seconds. Prints decisions a second with the script, and of the pure part alone.
 */

const [url = '', hostCount = '', seconds = ''] = process.argv.slice(2);

const GPUS_EACH = 8;
const FILLED = 0.9;
const HOLDERS = 64;
const LEASE_MS = 300_000;
/** How many GPUs an instance has: of twenty, so many of each. */
const SIZES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 8];
const RESOURCES: Resources = { memory: 2 ** 33, cores: 4, coreFraction: 100 };

const store = createStore({ connect: () => createRedisClient(url) });
await store.controlPlane.check();
const { containerWork, hostWork, queue } = store;

const hosts = memoryHostConfigs(Number(hostCount), GPUS_EACH).map(({ name, address, labels, ports, gpus }) => ({
  ...{ name, address, labels, ports, gpus: gpus === 'auto' ? [] : gpus },
  ...{
    state: 'UP' as const,
    ...{ since: 1, message: '', missedLooks: 0, silentSince: null, lookedAt: 1 },
    foreignGpus: [],
    memory: 2 ** 41,
    cores: 224,
    engineVersion: '20.10',
    observedAt: 1,
    orphans: [],
  },
}));

let turn = 0;
const nextSize = (): number => SIZES[turn++ % SIZES.length] ?? 1;

interface Holder {
  readonly id: string;
  readonly lease: Lease;
  /** Oldest first. */
  readonly held: DeviceLease[];
  gpus: number;
}

const holders = await prepare();
await fill();
const share = holders.reduce((sum, { gpus }) => sum + gpus, 0) / HOLDERS;
await hostWork.hosts();

const end = performance.now() + Number(seconds) * 1000;
const [begun, cpuBefore] = [performance.now(), process.cpuUsage()];
let decided = 0;
let refused = 0;
await Promise.all(holders.map(placeOn));
const cpu = process.cpuUsage(cpuBefore);
const elapsed = (performance.now() - begun) / 1000;
const result = {
  perSecond: decided / elapsed,
  refused,
  cpuShare: (cpu.user + cpu.system) / 1e6 / elapsed,
  purePerSecond: pure(await hostWork.hosts()),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
await store.controlPlane.close();

async function prepare(): Promise<readonly Holder[]> {
  for (const host of hosts) await queue.enqueue(`host/${host.name}`, 0);
  const names = new Map(hosts.map((host) => [`host/${host.name}`, host]));
  for (let left = hosts.length; left > 0; ) {
    const leases = await queue.take(HOLDERS, LEASE_MS);
    left -= leases.length;
    await Promise.all(
      leases.map(async (lease) => {
        const host = names.get(lease.key);
        if (host) await hostWork.saveHost(lease, host);
        await queue.release(lease, { delayMs: null, clean: true });
      }),
    );
  }
  const made: Holder[] = [];
  for (let count = 0; count < HOLDERS; count += 1) {
    const { id, held } = await activeContainer(store);
    await queue.release(held, { delayMs: 0, clean: true });
    const [lease] = await queue.take(1, LEASE_MS);
    if (lease?.key !== (`container/${id}` satisfies WorkKey)) throw new Error('another key was due');
    made.push({ id, lease, held: [], gpus: 0 });
  }
  return made;
}

/** Instances of all sizes, host by host, until so many GPUs are taken; the last host's are left to the others. */
async function fill(): Promise<void> {
  let wanted = hosts.length * GPUS_EACH * FILLED;
  const leases: DeviceLease[] = [];
  for (const { name, gpus, ports } of hosts) {
    // Every tenth host or so is left with what did not fit.
    let free = gpus.map(({ uuid }) => uuid);
    for (let size = nextSize(); size <= free.length && wanted > 0; size = nextSize()) {
      const port = ports.first + (leases.length % 1_000);
      leases.push({
        instanceId: newId('instance'),
        host: name,
        gpuUuids: free.slice(0, size),
        port,
        ...leasedResources(RESOURCES),
      });
      free = free.slice(size);
      wanted -= size;
    }
  }
  await Promise.all(
    holders.map(async (holder, at) => {
      for (let index = at; index < leases.length; index += HOLDERS) {
        const lease = leases[index];
        if (lease && !(await leased(holder, lease))) throw new Error('a device was taken twice');
      }
    }),
  );
}

async function leased(holder: Holder, devices: DeviceLease): Promise<boolean> {
  const { id: containerId, lease } = holder;
  const state = stateOf({ instances: [instanceOf('r', devices.instanceId)] });
  if ((await containerWork.place(lease, { containerId, state, devices })) !== 'PLACED') return false;
  holder.held.push(devices);
  holder.gpus += devices.gpuUuids.length;
  return true;
}

async function placeOn(holder: Holder): Promise<void> {
  while (performance.now() < end) {
    const instanceId = newId('instance');
    const request = requestOf(nextSize(), instanceId);
    const placed = place(request, await hostWork.hosts());
    if (placed.ok) {
      const { host, port, gpus } = placed;
      const gpuUuids = gpus.map(({ uuid }) => uuid);
      if (await leased(holder, { instanceId, host, gpuUuids, port, ...leasedResources(RESOURCES) })) decided += 1;
      else refused += 1;
    } else refused += 1;
    while (holder.gpus > share || !placed.ok) {
      const oldest = holder.held.shift();
      if (oldest === undefined) break;
      holder.gpus -= oldest.gpuUuids.length;
      const { instanceId: ended } = oldest;
      await containerWork.freeDevices(holder.lease, { containerId: holder.id, state: stateOf(), instanceId: ended });
      if (!placed.ok) break;
    }
  }
}

function requestOf(gpus: number, portSeed: string): PlacementRequest {
  const count: RevisionSpec['gpus'] = { count: gpus, model: '*H100*', minMemory: 2 ** 36 };
  return { gpus: count, resources: RESOURCES, needsPort: true, portSeed, imageHosts: null };
}

/** Decisions a second on these hosts as they are, for a second. */
function pure(snapshots: readonly HostSnapshot[]): number {
  const start = performance.now();
  let decisions = 0;
  let ms = 0;
  while (ms < 1_000) {
    place(requestOf(nextSize(), `instance-${decisions}`), snapshots);
    decisions += 1;
    ms = performance.now() - start;
  }
  return (decisions / ms) * 1000;
}
