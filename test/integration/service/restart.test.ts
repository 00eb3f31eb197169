import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../../src/paths.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { ownEngine } from '../../support/engine.js';
import { http } from '../../support/http.js';
import { progressOf } from '../../support/operation-view.js';
import { freePort } from '../../support/ports.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { newDirectory } from '../../support/run-directory.js';
import { call } from '../../support/service.js';
import { type ServiceClient, serviceClient } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const slow = (revision: string) => ({
  imageSpec: { environment: { REVISION: revision, APP_LISTEN_DELAY_MS: '2500' } },
});

/** The built service where there is one, as it is shipped; else the same from its sources. */
const PROGRAM = existsSync(treePath('dist', 'cli.js'))
  ? [treePath('dist', 'cli.js')]
  : ['--import', 'tsx', treePath('src', 'cli.ts')];

describe('a service that ends in the middle of a deploy', () => {
  let engine: PrivateEngine;
  let env: Record<string, string>;
  let client: ServiceClient;
  let running: Daemon;

  async function start(): Promise<void> {
    running = startDaemon(process.execPath, [...PROGRAM, 'serve'], env);
    await until('it is ready', async () => {
      if (!running.running()) throw new Error(running.output());
      return (await http(`http://${env.LONGSHORE_HTTP_ADDR}/readyz`)).status === 200;
    });
    client = serviceClient(env.LONGSHORE_GRPC_ADDR ?? '');
  }

  beforeAll(async () => {
    engine = await ownEngine(0);
    await engine.images('app');
    const addr = async () => `127.0.0.1:${await freePort()}`;
    env = {
      REDIS_URL: '',
      LONGSHORE_DATA_DIR: join(newDirectory('restart'), 'data'),
      LONGSHORE_GRPC_ADDR: await addr(),
      LONGSHORE_HTTP_ADDR: await addr(),
      LONGSHORE_INGRESS_ADDR: await addr(),
      LONGSHORE_STOP_DEADLINE: '20s',
      LONGSHORE_LEASE_TTL: '3s',
      DOCKER_HOST: engine.endpoint,
    };
    await start();
  });

  afterAll(async () => {
    client?.close();
    await running?.stop();
    await engine?.remove();
  });

  const count = async (id: string) =>
    (await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`)).split('\n').filter(Boolean).length;

  test.each([
    ['SIGTERM ends it cleanly', 'SIGTERM' as const],
    ['SIGKILL takes Redis along', 'SIGKILL' as const],
  ])('%s, and the next start completes the deploy', async (name, signal) => {
    const { id, url } = await client.createContainer(`c-${signal.toLowerCase()}`);
    await client.succeeded(await client.deploy(id, APP, { imageSpec: { environment: { REVISION: 'old' } } }));
    const accepted = await client.deploy(id, APP, slow('new'));
    await until('the candidate has started', async () => {
      const { percent } = progressOf(await client.operation(accepted.id));
      return percent >= 75 && (await count(id)) === 2;
    });

    client.close();
    running.signal(signal);
    await until('it has ended', () => !running.running());
    if (signal === 'SIGTERM') expect([name, running.exitCode()]).toEqual([name, 0]);
    const instances = await count(id);
    expect(instances).toBe(2); // what runs outlives the service

    await start();
    await client.succeeded(accepted);
    expect((await call(url)).headers['x-revision']).toBe('new');
    expect(await client.revisions(id)).toHaveLength(2);
    await until('the former instance is stopped', async () => (await count(id)) === 1);
    await client.succeeded(await client.delete(id));
  });
});
