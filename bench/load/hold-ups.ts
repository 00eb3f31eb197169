import type { RedisServer } from '../../test/support/redis.js';
import type { ServiceProcess } from '../stage.js';

/** The longest times, in milliseconds, for which a process attended to nothing else, whether it was busy or had no core. */
export interface HoldUps {
  /** Of the service's event loop. */
  readonly service: number;
  /** Of the service's garbage collector: the upper bound of the bucket that its longest pause is in, 0 without any. */
  readonly collector: number;
  /** Of Redis: a command, or a wait for the disk. */
  readonly redis: number;
}

const REDIS_NOTES_FROM_MS = '1';

/** Begins to watch; asked at the end, tells what was seen meanwhile. */
export async function watchHoldUps(service: ServiceProcess, redis: RedisServer): Promise<() => Promise<HoldUps>> {
  await redis.cli('config', 'set', 'latency-monitor-threshold', REDIS_NOTES_FROM_MS);
  await redis.cli('latency', 'reset');
  // What it tells of its event loop is since it was asked last.
  const before = await metricsOf(service);
  return async () => {
    const after = await metricsOf(service);
    return {
      service: Math.max(0, ...after.filter(([name]) => name.startsWith('nodejs_eventloop_lag_max_')).map(second)) * 1e3,
      collector: longestCollection(before, after),
      redis: longestEvent(await redis.cli('latency', 'latest')),
    };
  };
}

type Samples = readonly (readonly [name: string, value: number])[];

const second = ([, value]: Samples[number]): number => value;

async function metricsOf({ httpPort }: ServiceProcess): Promise<Samples> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]);
}

/** Buckets count what is within them and below: the highest that has more than the next lower one holds the longest. */
function longestCollection(before: Samples, after: Samples): number {
  const known = new Map(before);
  const grown = new Map<number, number>();
  for (const [name, value] of after) {
    const bound = /^nodejs_gc_duration_seconds_bucket\{.*le="([\d.]+)"/.exec(name)?.[1];
    if (bound === undefined) continue;
    grown.set(Number(bound), (grown.get(Number(bound)) ?? 0) + value - (known.get(name) ?? 0));
  }
  const bounds = [...grown.keys()].sort((one, other) => one - other);
  const longest = bounds.findLast((bound, at) => (grown.get(bound) ?? 0) > (grown.get(bounds[at - 1] ?? -1) ?? 0));
  return (longest ?? 0) * 1e3;
}

/** Lines by fours: an event, when it was last, how long it took then, and how long at most. */
function longestEvent(latest: string): number {
  const lines = latest.split('\n');
  return Math.max(0, ...lines.filter((_, at) => at % 4 === 3).map(Number));
}
