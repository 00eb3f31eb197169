import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const PORTS = 3;

describe('ports of the host that other processes use', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  const strangers = new Map<number, Server>();

  const options = () => ({ engines: [engine], portsPerHost: PORTS, env: { LONGSHORE_RETRY_BUDGET: '2s' } });

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService(options());
  });

  afterEach(async () => {
    for (const port of strangers.keys()) await leave(port);
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const ports = (): readonly number[] => {
    const { hosts } = JSON.parse(readFileSync(join(service.dataDir, 'hosts.yaml'), 'utf8'));
    const first = Number(String(hosts[0].ports).split('-')[0]);
    return Array.from({ length: PORTS }, (_, at) => first + at);
  };
  const take = (port: number) =>
    new Promise<void>((resolve, reject) => {
      const stranger = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nx-revision: a stranger\r\n\r\n'));
      stranger.once('error', reject);
      stranger.listen(port, '127.0.0.1', () => resolve());
      strangers.set(port, stranger);
    });
  const leave = (port: number) =>
    new Promise<void>((resolve) => {
      strangers.get(port)?.close(() => resolve());
      strangers.delete(port);
    });
  const portOf = async (id: string): Promise<number> =>
    Number((await service.client.container(id)).instances[0]?.address.split(':')[1]);
  const revisionAt = async (url: string) => (await call(url)).headers['x-revision'];
  const named = (REVISION: string) => ({ imageSpec: { environment: { REVISION } }, gpus: { count: 1n } });

  test('a deploy goes round them, and a serving instance that loses its port moves', async () => {
    const [one = 0, two = 0, three = 0] = ports();
    await take(one);
    await take(two);
    const { id, url } = await service.client.createContainer('web');
    await service.client.succeeded(await service.client.deploy(id, APP, named('mine')));
    expect(await portOf(id)).toBe(three);
    expect(await revisionAt(url)).toBe('mine');

    const { dataDir } = service;
    await service.stop(10_000);
    await engine.docker('kill', await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`));
    await take(three);
    await leave(one);
    service = await startService({ ...options(), dataDir });
    const moved = (await service.client.container(id)).url;
    await until(
      'it serves at another port',
      async () => (await portOf(id)) === one && (await revisionAt(moved)) === 'mine',
    );
    expect((await service.client.container(id)).instances[0]?.gpuUuids).toEqual(engine.gpuUuids);
    await service.client.succeeded(await service.client.delete(id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  test('a deploy that finds no port that is free says so, and holds nothing', async () => {
    for (const port of ports()) await take(port);
    const { id } = await service.client.createContainer('nowhere');
    const failed = await service.client.done(await service.client.deploy(id, APP, named('mine')));
    expect(failureOf(failed)).toMatchObject({ code: 9, reason: 'PORT_TAKEN', metadata: { host: 'host-1' } });
    expect(await engine.docker('ps', '-aq')).toBe('');

    for (const port of ports()) await leave(port);
    await service.client.succeeded(await service.client.deploy(id, APP, named('mine')));
    await service.client.succeeded(await service.client.delete(id));
  });
});
