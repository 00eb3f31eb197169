import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RedisPair, startRedisPair } from '../../support/redis-pair.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/busybox:latest';
/** Answers with the name of its revision. */
const SERVES = 'echo $REVISION > /tmp/index.html; exec httpd -f -p 8080 -h /tmp';
const SLOW_MS = 300_000;
const PATIENCE_MS = 90_000;
const revision = (REVISION: string, count = 1n) => ({
  gpus: { count },
  imageSpec: { command: { command: ['sh', '-c'] }, args: { args: [SERVES] }, environment: { REVISION } },
});

let engine: PrivateEngine;
let pair: RedisPair;
let service: RunningService;

beforeAll(async () => {
  [engine, pair] = await Promise.all([ownEngine(2), startRedisPair()]);
  await engine.images('busybox');
  service = await startService({
    engines: [engine],
    env: { REDIS_URL: pair.url, LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_PLACE_TIMEOUT: '8s' },
  });
}, SLOW_MS);

afterAll(async () => {
  await service?.stop(10_000);
  await Promise.all([engine?.remove(), pair?.stop()]);
}, SLOW_MS);

/** Docker's ids of what runs of a container. */
const running = (id: string): Promise<string> =>
  engine.docker('ps', '--no-trunc', '--filter', `label=longshore.container=${id}`, '--format', '{{.ID}}');

const answers = (id: string, wanted: string): Promise<unknown> =>
  until(
    `${wanted} answers`,
    async () => (await call((await service.client.container(id)).url)).body.trim() === wanted,
    PATIENCE_MS,
  );

test(
  'after a failover that lost writes what runs goes on, is served, and keeps its devices',
  async () => {
    const { client } = service;
    const { id: known } = await client.createContainer('known');
    await client.succeeded(await client.deploy(known, APP, revision('one')));
    await pair.caughtUp();

    await pair.cutOff();
    await client.succeeded(await until('a deploy is accepted', () => client.deploy(known, APP, revision('two'))));
    await until('only one of it runs', async () => (await running(known)).split('\n').length === 1, PATIENCE_MS);
    const { id: lost } = await client.createContainer('lost');
    await client.succeeded(await client.deploy(lost, APP, revision('new')));
    const dockerIds = await Promise.all([known, lost].map(running));
    await pair.failOver();

    await answers(known, 'two');
    await answers(lost, 'new');
    expect(await Promise.all([known, lost].map(running))).toEqual(dockerIds);
    // And it is worked on as before.
    const greedy = await client.done(await client.deploy(known, APP, revision('greedy', 2n)));
    expect(failureOf(greedy)).toMatchObject({ message: expect.stringContaining('GPU') });
    await answers(known, 'two');
    for (const id of [known, lost]) await client.succeeded(await client.delete(id));
    expect(await engine.docker('ps', '-aq', '--filter', 'label=longshore.container')).toBe('');
  },
  SLOW_MS,
);
