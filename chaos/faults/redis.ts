import type { LinkMode } from '../link.js';
import type { Stage } from '../stage.js';
import type { FaultKind } from './fault.js';

interface RedisFault {
  readonly kind: string;
  readonly seconds: readonly [from: number, to: number];
  begin(stage: Stage): Promise<unknown> | unknown;
  lift(stage: Stage): Promise<unknown> | unknown;
}

const RECOVERS_MS = 3_000;
/** A port of this machine that nothing listens at. */
const NOBODY = '1';

const fault = ({ kind, seconds: [from, to], begin, lift }: RedisFault): FaultKind => ({
  kind,
  weight: 1,
  prepare: (stage, random) => ({
    name: kind,
    targets: ['redis'],
    paths: ['redis'],
    forMs: random.between(from * 1_000, to * 1_000),
    recoversMs: RECOVERS_MS,
    begin: async () => void (await begin(stage)),
    lift: async () => void (await lift(stage)),
  }),
});

const links = (stage: Stage, mode: LinkMode) => {
  for (const { redisLink } of stage.members) redisLink.set(mode);
};

export const REDIS_FAULTS: readonly FaultKind[] = [
  fault({
    kind: 'redis-kill',
    seconds: [0.5, 3],
    begin: ({ redis }) => redis.kill(),
    lift: ({ redis }) => redis.start(),
  }),
  fault({
    kind: 'redis-freeze',
    seconds: [2, 6],
    begin: ({ redis }) => redis.pause(),
    lift: ({ redis }) => redis.resume(),
  }),
  fault({
    kind: 'redis-slow',
    seconds: [3, 8],
    begin: (stage) => links(stage, 'SLOW'),
    lift: (stage) => links(stage, 'PASS'),
  }),
  fault({
    kind: 'redis-full',
    seconds: [2, 6],
    begin: ({ redis }) => redis.cli('config', 'set', 'maxmemory', '1mb'),
    lift: ({ redis }) => redis.cli('config', 'set', 'maxmemory', '0'),
  }),
  fault({
    kind: 'redis-read-only',
    seconds: [2, 6],
    begin: ({ redis }) => redis.cli('config', 'set', 'min-replicas-to-write', '1'),
    lift: ({ redis }) => redis.cli('config', 'set', 'min-replicas-to-write', '0'),
  }),
  fault({
    // A replica of nobody, whose data is its own, and then a primary again, under another id of replication.
    kind: 'redis-demoted',
    seconds: [2, 6],
    begin: ({ redis }) => redis.cli('replicaof', '127.0.0.1', NOBODY),
    lift: ({ redis }) => redis.cli('replicaof', 'no', 'one'),
  }),
];
