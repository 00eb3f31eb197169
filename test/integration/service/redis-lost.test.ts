import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { adoptHost } from '../../../src/doctor/adopt.js';
import { lineOf } from '../../../src/doctor/diagnosis.js';
import { diagnose } from '../../../src/doctor/doctor.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/busybox:latest';
/** Answers with the name of its revision. */
const SERVES = 'echo $REVISION > /tmp/index.html; exec httpd -f -p 8080 -h /tmp';
const SLOW_MS = 480_000;
const PATIENCE_MS = 120_000;
const revision = (REVISION: string, count = 1n) => ({
  ...(count > 0n && { gpus: { count } }),
  imageSpec: { command: { command: ['sh', '-c'] }, args: { args: [SERVES] }, environment: { REVISION } },
});

let engine: PrivateEngine;
let redis: RedisServer;
let service: RunningService | undefined;

beforeAll(async () => {
  [engine, redis] = await Promise.all([ownEngine(2), startRedis()]);
  await engine.images('busybox');
}, SLOW_MS);

afterEach(stop, 30_000);

afterAll(async () => {
  await Promise.all([engine?.remove(), redis?.stop()]);
});

/** On `redis`, or on the private one of a data directory. */
async function start(dataDir?: string): Promise<RunningService> {
  const env = { LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_PLACE_TIMEOUT: '8s' };
  const place = dataDir === undefined ? { env: { ...env, REDIS_URL: redis.url } } : { env, dataDir };
  service = await startService({ engines: [engine], ...place });
  return service;
}

async function stop(): Promise<void> {
  await service?.stop(10_000);
  service = undefined;
}

/** Docker's ids of what runs of a container. */
const running = async (id: string, field = 'ID'): Promise<string> =>
  engine.docker('ps', '--no-trunc', '--filter', `label=longshore.container=${id}`, '--format', `{{.${field}}}`);

const patient = () => ({
  ...{ redisUrl: redis.url, keyspace: 'longshore', dataDir: newDirectory('data') },
  hosts: [
    {
      ...{ name: 'host-1', endpoint: engine.endpoint, address: '127.0.0.1', tls: null, labels: {}, gpus: [] },
      ports: { first: 40_000, last: 40_001 },
    },
  ],
});
/** Until a command says so: it may find Redis busy. */
const says = (what: string, command: () => Promise<string>, pattern: RegExp): Promise<unknown> =>
  until(what, async () => pattern.test(await command()), PATIENCE_MS);
const doctor = async (): Promise<string> => (await diagnose(patient())).map(lineOf).join('\n');
const adopt = async (): Promise<string> =>
  (await adoptHost({ name: 'host-1', leave: false }, patient())).map(lineOf).join('\n');

/** As callers find it: the answer of what serves. */
async function answers(id: string, wanted: string): Promise<void> {
  await until(
    `${wanted} answers`,
    async () => {
      const { url } = await (service as RunningService).client.container(id);
      return (await call(url)).body.trim() === wanted;
    },
    PATIENCE_MS,
  );
}

test(
  'an emptied Redis is another control plane, and after `hosts adopt` what runs is served and worked on as before',
  async () => {
    const { client, ended } = await start();
    const { id } = await client.createContainer('kept');
    await client.succeeded(await client.deploy(id, APP, revision('one')));
    await client.succeeded(await client.deploy(id, APP, { ...revision('two'), description: 'the second' }));
    const [second, first] = await client.revisions(id);
    const { id: stopped } = await client.createContainer('stopped');
    await client.succeeded(await client.deploy(stopped, APP, revision('rested', 0n)));
    await until('only one of it runs', async () => (await running(id)).split('\n').length === 1, PATIENCE_MS);
    const dockerId = await running(id);

    await redis.cli('flushall');
    expect(await ended).toMatch(/Redis has been emptied.*hosts adopt/s);
    await stop();
    const resting = await running(stopped, 'Names');
    await engine.docker('stop', '-t', '1', resting);

    // It is refused, said so, and nothing is touched.
    const stranger = await start();
    const { id: homeless } = await stranger.client.createContainer('kept-out');
    const refused = /FAILED +host host-1: claimed by another control plane.*\n.*hosts adopt host-1/;
    await says('it is refused', doctor, refused);
    expect(await running(id)).toBe(dockerId);

    await says('it is adopted', adopt, /ok +redis: this control plane, which was bbp\w+, has taken the place of bbp/);
    expect(await stranger.ended).toMatch(/Redis is control plane bbp\w+ now/);
    await stop();
    const back = await start();
    await answers(id, 'two');
    expect(await running(id)).toBe(dockerId);
    expect(await back.client.container(id)).toMatchObject({ name: 'kept', activeRevisionId: second?.id });
    expect(await back.client.container(homeless)).toMatchObject({ name: 'kept-out' });
    const rebuilt = await back.client.revisions(id);
    expect(rebuilt.map((one) => one.id)).toEqual([second?.id, first?.id]);
    expect(rebuilt[0]).toMatchObject({ description: 'the second', createdAt: second?.createdAt, image: second?.image });

    // Its GPU is nobody else's.
    const greedy = await back.client.done(await back.client.deploy(homeless, APP, revision('greedy', 2n)));
    expect(failureOf(greedy)).toMatchObject({ message: expect.stringContaining('GPU') });

    // What does not run is for a person to say.
    await says('it rests', doctor, new RegExp(`container ${resting} .*it stays: .*not rebuilt: .*docker start`));
    await engine.docker('start', resting);
    await answers(stopped, 'rested');

    await back.client.succeeded(await back.client.rollback(id, first?.id ?? ''));
    await answers(id, 'one');
    await back.client.succeeded(await back.client.deploy(id, APP, revision('three')));
    await answers(id, 'three');
    for (const one of [id, stopped, homeless]) await back.client.succeeded(await back.client.delete(one));
    expect(await engine.docker('ps', '-aq', '--filter', 'label=longshore.container')).toBe('');
    await stop();
  },
  SLOW_MS,
);

test(
  'a Redis that was restored from an earlier time is brought up to what runs',
  async () => {
    const before = await start();
    const { id } = await before.client.createContainer('deployed-since');
    await before.client.succeeded(await before.client.deploy(id, APP, revision('one')));
    await stop();
    const backup = await backedUp();

    const { client } = await start();
    await client.succeeded(await client.deploy(id, APP, revision('two')));
    const { id: created } = await client.createContainer('created-since');
    await client.succeeded(await client.deploy(created, APP, revision('new')));
    await until('only one of it runs', async () => (await running(id)).split('\n').length === 1, PATIENCE_MS);
    const dockerIds = [await running(id), await running(created)];
    await stop();
    await restore(backup);

    const restored = await start();
    await answers(id, 'two');
    await answers(created, 'new');
    expect([await running(id), await running(created)]).toEqual(dockerIds);
    expect(await restored.client.revisions(id)).toHaveLength(2);
    const deploy = await restored.client.deploy(id, APP, revision('three', 2n));
    expect((await restored.client.done(deploy)).result?.$case).toBe('error');
    await answers(id, 'two');
    for (const one of [id, created]) await restored.client.succeeded(await restored.client.delete(one));
    expect(await engine.docker('ps', '-aq', '--filter', 'label=longshore.container')).toBe('');
  },
  SLOW_MS,
);

test(
  'what was deleted since the backup is not started with the GPUs of what was created since',
  async () => {
    const before = await start();
    const { id } = await before.client.createContainer('deleted-since');
    await before.client.succeeded(await before.client.deploy(id, APP, revision('old', 2n)));
    await stop();
    const backup = await backedUp();

    const { client } = await start();
    await client.succeeded(await client.delete(id));
    const { id: created } = await client.createContainer('created-since');
    await client.succeeded(await client.deploy(created, APP, revision('new', 2n)));
    const dockerId = await running(created);
    await stop();
    await restore(backup);

    const restored = await start();
    const messageOf = async () => (await restored.client.container(id)).instances[0]?.message ?? '';
    await until(
      'it says why it does not run',
      async () => (await messageOf()).includes('GPUs are in use'),
      PATIENCE_MS,
    );
    expect(await running(id)).toBe('');
    // Its end frees the leases that stand in the way of the other.
    await restored.client.succeeded(await restored.client.delete(id));
    await answers(created, 'new');
    expect(await running(created)).toBe(dockerId);
    expect(engine.gpuOverlaps()).toEqual([]);
    await restored.client.succeeded(await restored.client.delete(created));
  },
  SLOW_MS,
);

test(
  'a private Redis that is backed up and restored as docs/operations.md says is brought up to what runs',
  async () => {
    // Another control plane: the engine is nobody's.
    await engine.docker('volume', 'rm', '-f', 'longshore-owner');
    const dataDir = newDirectory('data');
    const data = join(dataDir, 'redis', 'appendonlydir');
    const copy = join(newDirectory('backup'), 'appendonlydir');
    const { client } = await start(dataDir);
    const { id } = await client.createContainer('backed-up');
    await client.succeeded(await client.deploy(id, APP, revision('one')));
    await stop();
    await cp(data, copy, { recursive: true });

    const since = await start(dataDir);
    await since.client.succeeded(await since.client.deploy(id, APP, revision('two')));
    await until('only one of it runs', async () => (await running(id)).split('\n').length === 1, PATIENCE_MS);
    const dockerId = await running(id);
    await stop();
    await rename(data, `${data}-before`);
    await cp(copy, data, { recursive: true });

    const restored = await start(dataDir);
    await answers(id, 'two');
    expect(await running(id)).toBe(dockerId);
    const told = (await diagnose({ ...patient(), redisUrl: null, dataDir })).map(lineOf).join('\n');
    expect(told).toMatch(/ok +redis: version \S+ answers; control plane bbp\w+/);
    expect(told).not.toMatch(/FAILED|claimed by another/);
    const unnamed = await diagnose({ ...patient(), redisUrl: null, dataDir, hosts: [] });
    expect(unnamed.map(lineOf).join('\n')).toMatch(
      /FAILED +host host-1: it is not in the configuration, and instances are on it/,
    );
    await restored.client.succeeded(await restored.client.delete(id));
    expect(await engine.docker('ps', '-aq', '--filter', 'label=longshore.container')).toBe('');
  },
  SLOW_MS,
);

/** A copy of what Redis has; it goes on with it. */
async function backedUp(): Promise<string> {
  const backup = newDirectory('backup');
  await redis.kill();
  await cp(redis.dir, backup, { recursive: true });
  await redis.start();
  return backup;
}

async function restore(backup: string): Promise<void> {
  await redis.kill();
  await rm(join(redis.dir, 'appendonlydir'), { recursive: true });
  await cp(backup, redis.dir, { recursive: true });
  await redis.start();
}
