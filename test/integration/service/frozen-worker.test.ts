import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../../src/paths.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { ownEngine } from '../../support/engine.js';
import { type EngineCall, type EngineProxy, engineProxy } from '../../support/engine-proxy.js';
import { http } from '../../support/http.js';
import { freePort } from '../../support/ports.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

/** The built service where there is one, as it is shipped; else the same from its sources. */
const PROGRAM = existsSync(treePath('dist', 'cli.js'))
  ? [treePath('dist', 'cli.js')]
  : ['--import', 'tsx', treePath('src', 'cli.ts')];
const APP = 'longshore/demo-app:latest';

/** A call that is on its way while its sender is frozen. */
interface Held {
  readonly step: 'create' | 'start';
  /** Whether it has yet to reach the engine, or its answer the sender. */
  readonly when: 'asking' | 'answering';
}
const HELD: readonly Held[] = [
  { step: 'create', when: 'asking' },
  { step: 'create', when: 'answering' },
  { step: 'start', when: 'asking' },
  { step: 'start', when: 'answering' },
];

describe('a worker that is frozen beyond its lease', () => {
  let redis: RedisServer;
  let engine: PrivateEngine;
  /** The frozen one's way to the engine. */
  let way: EngineProxy;
  /** API and ingress. */
  let service: RunningService;
  let frozen: Daemon;
  let ingressAddr: string;
  const changes: string[] = [];
  let armed: { readonly held: Held; readonly reached: () => void; readonly released: Promise<void> } | null = null;

  const onTheWay =
    (when: Held['when']) =>
    async ({ method, path }: EngineCall) => {
      if (method === 'GET' || !path.startsWith('/containers/')) return;
      if (when === 'asking') changes.push(`${method} ${path}`);
      if (armed === null || armed.held.when !== when || !path.endsWith(`/${armed.held.step}`)) return;
      const { reached, released } = armed;
      armed = null;
      reached();
      await released;
    };

  beforeAll(async () => {
    ingressAddr = `127.0.0.1:${await freePort()}`;
    [engine, redis] = await Promise.all([ownEngine(1), startRedis()]);
    await engine.images('app');
    way = await engineProxy(engine.socketPath, { asking: onTheWay('asking'), answering: onTheWay('answering') });
    service = await startService({ engines: [engine], env: envOf('api,ingress') });
    const dataDir = newDirectory('frozen');
    const hosts = join(dataDir, 'hosts.yaml');
    const configured = readFileSync(join(service.dataDir, 'hosts.yaml'), 'utf8');
    writeFileSync(hosts, configured.replace(engine.endpoint, way.endpoint));
    const httpAddr = `127.0.0.1:${await freePort()}`;
    const places = { LONGSHORE_DATA_DIR: dataDir, LONGSHORE_HOSTS_FILE: hosts, LONGSHORE_HTTP_ADDR: httpAddr };
    frozen = startDaemon(process.execPath, [...PROGRAM, 'serve'], { ...envOf('worker'), ...places });
    await until(
      'the worker is ready',
      async () => {
        if (!frozen.running()) throw new Error(frozen.output());
        return (await http(`http://${httpAddr}/readyz`)).status === 200;
      },
      120_000,
    );
  });

  afterAll(async () => {
    await frozen?.stop();
    await service?.stop(10_000);
    await way?.close();
    await Promise.all([engine?.remove(), redis?.stop()]);
  });

  const envOf = (roles: string) => ({
    REDIS_URL: redis.url,
    LONGSHORE_ROLES: roles,
    LONGSHORE_INGRESS_ADDR: ingressAddr, // whoever completes an operation tells it in the url
    LONGSHORE_LEASE_TTL: '3s',
    LONGSHORE_WATCH_WINDOW: '0s',
    LONGSHORE_OBSERVE_INTERVAL: '1s', // what came late is found by a look
  });

  /** The next such call is held, from when it is `reached` until it is let go. */
  function hold(held: Held) {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      armed = { held, reached: resolve, released };
    });
    return { reached, release };
  }

  const dockers = (id: string) =>
    engine.docker(
      'ps',
      '-a',
      '--no-trunc',
      '--format',
      '{{.ID}} {{.Names}} {{.State}}',
      '--filter',
      `label=longshore.container=${id}`,
    );

  test.each(HELD)(
    'with a $step on its way, $when: when it wakes it writes nothing and starts nothing',
    async (held) => {
      const { client } = service;
      const { id, url } = await client.createContainer(`${held.step}-${held.when}`);
      const { reached, release } = hold(held);
      const accepted = await client.deploy(id, APP, { gpus: { count: 1n } });
      await reached;
      frozen.signal('SIGSTOP');
      const other = await startService({ engines: [engine], env: envOf('worker') });
      try {
        const ended = await client.succeeded(accepted);
        expect((await call(url)).status).toBe(200);
        const before = { container: await client.container(id), dockers: await dockers(id) };
        expect(before.dockers.split('\n')).toHaveLength(1);

        // Nobody else puts anything right from here on.
        await other.stop(10_000);
        const from = changes.length;
        const lines = frozen.output().length;
        release();
        frozen.signal('SIGCONT');
        await until('it has heard that it is too late', () => /lost|cut short/.test(frozen.output().slice(lines)));
        // It goes on with what it may: a second container shows that it is at work again.
        const second = await client.createContainer(`${held.step}-${held.when}-second`);
        await client.succeeded(await client.delete(second.id));

        await until('what came late is gone', async () => (await dockers(id)) === before.dockers);
        expect(changes.slice(from).filter((change) => !change.startsWith('DELETE'))).toEqual([]);
        expect(await client.container(id)).toEqual(before.container);
        expect(await client.operation(accepted.id)).toEqual(ended);
        expect((await call(url)).status).toBe(200);
        expect(engine.gpuOverlaps()).toEqual([]);
      } finally {
        release();
        frozen.signal('SIGCONT');
        await other.stop(10_000);
      }
      await client.succeeded(await client.delete(id));
      expect(await dockers(id)).toBe('');
    },
  );
});
