import { setTimeout as delay } from 'node:timers/promises';
import { openStore } from '../../test/support/store-fixture.js';
import type { Benchmark } from '../benchmark.js';
import { populate } from '../load/population.js';
import { residentBytesOf } from '../load/process-figures.js';
import { type Round, type RowSpec, valueAtMost } from '../row.js';
import type { Environment, Stage } from '../stage.js';

const IDLE: RowSpec = { name: 'memory of the idle service', unit: 'MB', target: valueAtMost(150) };
const KNOWN: RowSpec = {
  name: 'memory of the service, 10,000 containers known',
  unit: 'MB',
  target: valueAtMost(300),
};

const CONTAINERS = 10_000;
const SETTLING_MS = 12_000;
const SAMPLES = 10;
const SAMPLE_EVERY_MS = 200;

/**
 * The resident set of the one process, with all of its roles and a real engine, some observations of the engine after its start. Redis runs beside it
 * and is not counted.
 */
export const memory: Benchmark = {
  name: 'memory',
  rows: [IDLE, KNOWN],
  run: async (stage, report) => {
    const [redis, engine] = await Promise.all([stage.redis(), stage.engine()]);
    const env = { REDIS_URL: redis.url, DOCKER_HOST: engine.endpoint, LONGSHORE_OBSERVE_INTERVAL: '3s' };
    report(IDLE, await rounds(stage, env), 'api, worker and ingress in one process; the highest of ten looks');

    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    await populate(store, CONTAINERS);
    const { routes } = await store.routes.routes();
    if (routes.length !== CONTAINERS) throw new Error(`there are ${routes.length} routes`);
    const note = 'each ACTIVE, with a revision, a leased port on one of 100 hosts, and a route that the ingress serves';
    report(KNOWN, await rounds(stage, env), note);
  },
};

async function rounds(stage: Stage, env: Environment): Promise<readonly Round[]> {
  const found: Round[] = [];
  for (let round = 0; round < stage.rounds; round += 1) {
    const service = await stage.service(env);
    await delay(SETTLING_MS);
    let most = 0;
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      most = Math.max(most, residentBytesOf(service.pid));
      await delay(SAMPLE_EVERY_MS);
    }
    await service.stop();
    found.push({ value: most / 1e6 });
  }
  return found;
}
