import { createLogger } from '../../src/log.js';
import { createMetrics } from '../../src/metrics.js';
import { createRedisClient } from '../../src/store/redis-client.js';
import { createStore } from '../../src/store/redis-store.js';
import { Worker } from '../../src/worker/worker.js';

/*
 * The work queue with nothing behind it: makes keys due and works them in the same process, with the worker of the service and work that is over
 * at once. Arguments: URL of Redis, how many keys. Prints how long it took.
 */

const [url = '', count = ''] = process.argv.slice(2);
const keys = Number(count);
/** Callers that each wait for their enqueue to be answered. */
const CALLERS = 256;

const store = createStore({ connect: () => createRedisClient(url) });
await store.controlPlane.check();

let worked = 0;
let end = () => {};
const finished = new Promise<void>((resolve) => {
  end = resolve;
});
const work = () => {
  worked += 1;
  if (worked === keys) end();
  return Promise.resolve({ delayMs: null, clean: true });
};
const { queue } = store;
const worker = new Worker({
  queue,
  work: { container: work, host: work },
  log: createLogger({ level: 'warn', out: process.stderr }),
  metrics: createMetrics(),
  leaseTtlMs: 15_000,
  width: CALLERS,
});

const [begun, cpuBefore] = [performance.now(), process.cpuUsage()];
worker.start();
let next = 0;
const caller = async () => {
  while (next < keys) await queue.enqueue(`container/${next++}`, 0);
};
await Promise.all(Array.from({ length: CALLERS }, caller));
await finished;
await worker.stop(10_000);
const cpu = process.cpuUsage(cpuBefore);
const seconds = (performance.now() - begun) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 })}\n`);
await store.controlPlane.close();
