import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { treePath } from '../../../src/paths.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { ownEngine } from '../../support/engine.js';
import { http } from '../../support/http.js';
import { freePort } from '../../support/ports.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, startService } from '../../support/service.js';
import { type ServiceClient, serviceClient } from '../../support/service-client.js';
import { until } from '../../support/until.js';
import { engineClock, type ProcessClock, processClock } from '../../support/wrong-clock.js';

// Leases, deadlines and ages go by the clock of Redis and by monotonic clocks, and an engine's times are compared with its own alone. So no clock
// that is wrong, or set in the middle of something, changes what the service does.

const APP = 'longshore/demo-app:latest';
const called = (revision: string, more: Readonly<Record<string, string>> = {}) => ({
  imageSpec: { environment: { REVISION: revision, ...more } },
  gpus: { count: 1n },
});
/** Whoever is given a time of the service looks at another clock than the one that was set. */
const NEAR_MS = 60_000;

let engine: PrivateEngine;

beforeAll(async () => {
  engine = await ownEngine(2);
  await engine.images('app');
});

afterAll(() => engine?.remove());

const running = async (id: string) =>
  (await engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`))
    .split('\n')
    .filter(Boolean);
const startOf = (dockerId = '') => engine.docker('inspect', '--format', '{{.State.StartedAt}}', dockerId);

/** A deploy, another one, the way back, an instance that is killed, and the end: all that waits for something. */
async function live(client: ServiceClient, name: string): Promise<void> {
  const { id, url } = await client.createContainer(name);
  const first = await client.succeeded(await client.deploy(id, APP, called('one')));
  expect(Math.abs((first.createdAt?.getTime() ?? 0) - Date.now())).toBeLessThan(NEAR_MS);
  expect(Math.abs((first.modifiedAt?.getTime() ?? 0) - Date.now())).toBeLessThan(NEAR_MS);
  const [one] = await client.revisions(id);
  await client.succeeded(await client.deploy(id, APP, called('two')));
  expect((await call(url)).headers['x-revision']).toBe('two');
  await client.succeeded(await client.rollback(id, one?.id ?? ''));
  expect((await call(url)).headers['x-revision']).toBe('one');

  await until('the former instance is stopped', async () => (await running(id)).length === 1);
  const [before] = await running(id);
  const startedAt = await startOf(before);
  await engine.docker('kill', before ?? '');
  await until('it serves again', async () => (await isUp(client, id)) && (await call(url)).status === 200, 60_000);
  expect(await running(id)).toEqual([before]); // in place
  expect(await startOf(before)).not.toBe(startedAt);
  await client.succeeded(await client.delete(id));
  expect(await engine.docker('ps', '-aq')).toBe('');
}

async function isUp(client: ServiceClient, id: string): Promise<boolean> {
  const { instances } = await client.container(id);
  return instances.some(({ state }) => state === Instance_State.STATE_RUNNING);
}

describe('a service whose own clock is set wrong', () => {
  const PROGRAM = existsSync(treePath('dist', 'cli.js'))
    ? [treePath('dist', 'cli.js')]
    : ['--import', 'tsx', treePath('src', 'cli.ts')];
  let redis: RedisServer;
  let clock: ProcessClock;
  let service: Daemon;
  let client: ServiceClient;

  beforeAll(async () => {
    redis = await startRedis();
    clock = await processClock('+0');
    const dir = newDirectory('clocks');
    const hosts = join(dir, 'hosts.yaml');
    const gpus = engine.gpuUuids.map((uuid) => ({ uuid, name: 'NVIDIA H200', memory_mib: 143771 }));
    const [grpc, probes] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    writeFileSync(
      hosts,
      JSON.stringify({ hosts: [{ name: 'host-1', endpoint: engine.endpoint, address: '127.0.0.1', gpus }] }),
    );
    service = startDaemon(process.execPath, [...PROGRAM, 'serve'], {
      ...clock.env,
      REDIS_URL: redis.url,
      LONGSHORE_DATA_DIR: dir,
      LONGSHORE_HOSTS_FILE: hosts,
      LONGSHORE_GRPC_ADDR: grpc,
      LONGSHORE_HTTP_ADDR: probes,
      LONGSHORE_INGRESS_ADDR: `127.0.0.1:${await freePort()}`,
      LONGSHORE_OBSERVE_INTERVAL: '1s',
    });
    await until(
      'it is ready',
      async () => {
        if (!service.running()) throw new Error(service.output());
        return (await http(`http://${probes}/readyz`)).status === 200;
      },
      90_000,
    );
    client = serviceClient(grpc);
  });

  afterAll(async () => {
    client?.close();
    await service?.stop();
    clock?.forget(service.pid);
    await redis?.stop();
  });

  /** From then on it is certain that the process goes by it, since its log does. */
  async function set(offset: string, days: number): Promise<void> {
    clock.set(offset);
    const day = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    await until(`its log is of ${day}`, async () => {
      await client.operation('unknown').catch(() => {});
      return service.output().trimEnd().split('\n').at(-1)?.includes(`"time":"${day}`) ?? false;
    });
  }

  test.each([
    ['a day ahead', '+1d', 1],
    ['a day behind', '-1d', -1],
  ])('%s: deploys, goes back and repairs', async (what, offset, days) => {
    await set(offset, days);
    await live(client, what.replaceAll(' ', '-'));
  });

  test('in the middle of a deploy, forwards and back: keeps its lease and ends it', async () => {
    await set('+0', 0);
    const { id, url } = await client.createContainer('jump');
    const accepted = await client.deploy(id, APP, called('one', { APP_LISTEN_DELAY_MS: '4000' }));
    await until('the candidate has started', async () => (await running(id)).length === 1);
    await set('+1d', 1);
    expect((await client.operation(accepted.id)).done).toBe(false);
    await set('-1d', -1);
    await client.succeeded(accepted);
    expect((await call(url)).headers['x-revision']).toBe('one');
    expect(service.output()).not.toMatch(/cut short|lease on .* was lost/);
    await client.succeeded(await client.delete(id));
  });
});

/** Each of these services has a Redis of its own, and so is another control plane. */
async function leaveEngine(): Promise<void> {
  await engine.docker('volume', 'rm', '-f', 'longshore-owner');
}

test.each([1, -1])('an engine whose clock is off by %d h changes nothing, nor that it is set', async (hours) => {
  await leaveEngine();
  const clock = await engineClock(engine.socketPath, hours);
  const service = await startService({
    engines: [{ ...engine, endpoint: clock.endpoint }],
    env: { LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_WATCH_WINDOW: '1s' },
  });
  try {
    const { client } = service;
    await live(client, 'shifted');
    expect(clock.shifted()).toBeGreaterThan(0);

    const { id, url } = await client.createContainer('set');
    await client.succeeded(await client.deploy(id, APP, called('one')));
    const [before] = await running(id);
    const startedAt = await startOf(before);
    clock.setHours(-hours);
    const seen = clock.shifted();
    await until('it has been looked at for a while', () => clock.shifted() > seen + 5);
    await until('it is up', () => isUp(client, id));
    expect(await running(id)).toEqual([before]);
    expect(await startOf(before)).toBe(startedAt);
    expect((await call(url)).status).toBe(200);
    expect(await client.revisions(id)).toHaveLength(1);
    await client.succeeded(await client.delete(id));
  } finally {
    await service.stop(10_000);
    await clock.close();
  }
});
