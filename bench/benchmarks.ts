import type { Benchmark } from './benchmark.js';
import { deploy } from './rows/deploy.js';
import { deployMany } from './rows/deploy-many.js';
import { get } from './rows/get.js';
import { ingress } from './rows/ingress.js';
import { ingressBulk } from './rows/ingress-bulk.js';
import { memory } from './rows/memory.js';
import { noFailedRequests } from './rows/no-failed-requests.js';
import { observation, steadyState } from './rows/observation.js';
import { operations } from './rows/operations.js';
import { pages } from './rows/pages.js';
import { placement } from './rows/placement.js';
import { queue } from './rows/queue.js';
import { redisBytes } from './rows/redis-bytes.js';
import { rollback } from './rows/rollback.js';
import { submits } from './rows/submits.js';
import { swarm } from './rows/swarm.js';
import { wait } from './rows/wait.js';

/** In the order in which they run and are printed. A new one is a file in rows/ and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [
  get,
  submits,
  redisBytes,
  memory,
  pages,
  wait,
  queue,
  placement,
  operations,
  steadyState,
  observation,
  ingress,
  ingressBulk,
  deploy,
  deployMany,
  rollback,
  noFailedRequests,
  swarm,
];
