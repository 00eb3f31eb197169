import { join } from 'node:path';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type Registry, startRegistry } from '../../support/registry.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

let engine: PrivateEngine;
let registry: Registry;
let service: RunningService;

beforeAll(async () => {
  [engine, registry] = await Promise.all([ownEngine(0), startRegistry()]);
  await engine.images('busybox');
  const env = {
    LONGSHORE_DOCKER_CONFIG: join(registry.dockerConfigDir, 'config.json'),
    LONGSHORE_OBSERVE_INTERVAL: '1s',
    LONGSHORE_IMAGE_LIMIT: '1KiB',
    LONGSHORE_IMAGE_UNUSED: '1s',
  };
  service = await startService({ engines: [engine], env });
}, 120_000);

afterAll(async () => {
  await service?.stop(10_000);
  await Promise.all([engine?.remove(), registry?.stop()]);
});

/** A server of one page; on the registry, and not on the engine any more. */
async function push(name: string): Promise<string> {
  const tag = `${registry.name}/team/${name}:v1`;
  await engine.docker(
    'run',
    '--name',
    'made',
    'longshore/busybox',
    'sh',
    '-c',
    `mkdir /www && echo ${name} >/www/index.html`,
  );
  await engine.docker('commit', '-c', 'CMD ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]', 'made', tag);
  await engine.docker('rm', 'made');
  await engine.docker('--config', registry.dockerConfigDir, 'push', '-q', tag);
  await engine.docker('rmi', tag);
  return tag;
}

const names = async (): Promise<readonly string[]> =>
  (await engine.docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n').toSorted();

test('what we pulled goes when nothing is made of it any more, and comes again; what a person put there stays', async () => {
  const { client } = service;
  const [ours, persons] = [await push('ours'), await push('persons')];
  await engine.docker('--config', registry.dockerConfigDir, 'pull', '-q', persons);
  const before = await names();
  expect(before).toContain(persons);

  const { id, url } = await client.createContainer('mine');
  await client.succeeded(await client.deploy(id, ours));
  const other = await client.createContainer('theirs');
  await client.succeeded(await client.deploy(other.id, persons));
  // All of it takes more than it should, but something is made of it.
  expect(await names()).toEqual([...before, ours].toSorted());
  expect((await call(url)).body.trim()).toBe('ours');
  await client.succeeded(await client.delete(other.id));
  await client.succeeded(await client.delete(id));
  await until('it went', async () => !(await names()).includes(ours), 60_000);
  expect(await names()).toEqual(before);

  const again = await client.createContainer('again');
  await client.succeeded(await client.deploy(again.id, ours));
  expect((await call(again.url)).body.trim()).toBe('ours');
  await client.succeeded(await client.delete(again.id));
}, 300_000);
