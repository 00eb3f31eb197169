import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { Store } from '../../../src/store/redis-store.js';
import type { Lease } from '../../../src/store/work.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { activeContainer, devicesOf, openStore, stateOf } from '../../support/store-fixture.js';

let redis: RedisServer;
let direct: Redis;
let stores: readonly [Store, Store];
beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.socketPath);
  stores = [openStore(redis.url), openStore(redis.url)];
});
afterAll(async () => {
  await Promise.all((stores ?? []).map((store) => store.controlPlane.close()));
  direct?.disconnect();
  await redis?.stop();
});

type Move =
  | {
      readonly kind: 'PLACE';
      readonly instance: number;
      readonly gpus: readonly number[];
      readonly port: number | null;
    }
  | { readonly kind: 'MOVE'; readonly instance: number; readonly to: number }
  | { readonly kind: 'FREE'; readonly instance: number };

const small = fc.nat({ max: 2 });
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    kind: fc.constant('PLACE' as const),
    instance: small,
    gpus: fc.uniqueArray(fc.nat({ max: 3 }), { maxLength: 3 }),
    port: fc.option(small),
  }),
  fc.record({ kind: fc.constant('MOVE' as const), instance: small, to: small }),
  fc.record({ kind: fc.constant('FREE' as const), instance: small }),
);

interface Owner {
  readonly store: Store;
  readonly id: string;
  readonly held: Lease;
}

async function apply({ store, id, held }: Owner, step: Move): Promise<void> {
  const change = { containerId: id, state: stateOf() };
  const name = (instance: number) => `${id}-${instance}`;
  const work = store.containerWork;
  switch (step.kind) {
    case 'PLACE': {
      const gpuUuids = step.gpus.map((gpu) => `GPU-${gpu}`);
      const port = step.port === null ? null : 40_000 + step.port;
      await work.place(held, { ...change, devices: devicesOf(name(step.instance), { gpuUuids, port }) });
      return;
    }
    case 'MOVE':
      // Moving what holds nothing is refused, and that is all it does.
      await work
        .moveDevices(held, { ...change, from: name(step.instance), to: name(step.to) })
        .catch((error: Error) => expect(error.message).toMatch('NO_DEVICES'));
      return;
    case 'FREE':
      await work.freeDevices(held, { ...change, instanceId: name(step.instance) });
  }
}

/** What device leases say is held; each device as often as a lease names it. */
async function leased() {
  const leases = Object.entries(await direct.hgetall('{longshore}:devices')).map(
    ([instanceId, text]) => [instanceId, JSON.parse(text) as { gpuUuids: string[]; port: number | null }] as const,
  );
  return {
    gpus: leases.flatMap(([id, lease]) => lease.gpuUuids.map((uuid) => [`gpu-1/${uuid}`, id])).sort(),
    ports: leases.flatMap(([id, lease]) => (lease.port === null ? [] : [[`gpu-1/${lease.port}`, id]])).sort(),
  };
}

test('whatever two workers do, each device is in one lease, and both books of it agree', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(move, move), { maxLength: 12 }), async (rounds) => {
      await direct.flushall();
      const owners = [
        { store: stores[0], ...(await activeContainer(stores[0])) },
        { store: stores[1], ...(await activeContainer(stores[1])) },
      ] as const;
      for (const round of rounds) {
        // The first half of a round belongs to one container and the second to the other; both run at once.
        await Promise.all([apply(owners[0], round[0]), apply(owners[1], round[1])]);
        const { gpus, ports } = await leased();
        expect(Object.entries(await direct.hgetall('{longshore}:gpus')).sort()).toEqual(gpus);
        expect(Object.entries(await direct.hgetall('{longshore}:ports')).sort()).toEqual(ports);
        expect(new Set(gpus.map(([device]) => device)).size).toBe(gpus.length);
      }
    }),
    { numRuns: 40 },
  );
});
