import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command, tryCommand } from '../../support/command.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import { pushPage } from '../../support/page-image.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type Registry, startRegistry } from '../../support/registry.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const called = (revision: string) => ({ imageSpec: { environment: { REVISION: revision } } });

describe('an engine whose disk is full', () => {
  let engine: PrivateEngine;
  let registry: Registry;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let filler: string;

  const fill = () => tryCommand('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { timeoutMs: 60_000 });
  const makeRoom = () => rmSync(filler, { force: true });
  const complaints = () => readFileSync(service.logFile, 'utf8').split('no space left').length;
  const onDocker = (...more: string[]) => engine.docker('ps', '-aq', ...more);

  beforeAll(async () => {
    [engine, registry] = await Promise.all([ownEngine(0), startRegistry()]);
    // Its own data go to a file system that is soon full; what is mounted below its directory is unmounted with it.
    const data = join(engine.dir, 'data');
    filler = join(data, 'filler');
    await engine.crash();
    await command('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', data]);
    await engine.start();
    await engine.images('app', 'busybox');
    const env = {
      LONGSHORE_RETRY_BUDGET: '5s',
      LONGSHORE_RETAINED_INSTANCES: '0',
      LONGSHORE_IMAGE_UNUSED: '1s',
      LONGSHORE_DOCKER_CONFIG: join(registry.dockerConfigDir, 'config.json'),
    };
    service = await startService({ engines: [engine], env });
    container = await service.client.createContainer('app');
    await service.client.succeeded(await service.client.deploy(container.id, APP, called('one')));
  });

  afterAll(async () => {
    makeRoom();
    await service?.stop(10_000);
    await Promise.all([engine?.remove(), registry?.stop()]);
  });

  test('a deploy fails with its words, what serves goes on, and nothing is left of what failed', async () => {
    const { client } = service;
    await fill();
    const { message } = failureOf(await client.done(await client.deploy(container.id, APP, called('two'))));
    expect(message).toMatch(/host-1.*no space left on device/);
    expect((await call(container.url)).headers['x-revision']).toBe('one');
    expect(await client.revisions(container.id)).toHaveLength(1);
    makeRoom();
    await until(
      'only what serves is there',
      async () => (await onDocker()) === (await onDocker('--filter', 'status=running')),
    );
  });

  test('a deploy that meets it goes on as soon as there is room', async () => {
    const { client } = service;
    await fill();
    const before = complaints();
    const accepted = await client.deploy(container.id, APP, called('three'));
    await until('it has met it', () => complaints() > before);
    makeRoom();
    await client.succeeded(accepted);
    expect((await call(container.url)).headers['x-revision']).toBe('three');
  });

  test('a deploy that meets it has room made by the images that nobody uses any more, and succeeds', async () => {
    const { client } = service;
    const [large, small] = [`${registry.name}/team/large:1`, `${registry.name}/team/small:1`];
    await pushPage(engine, registry, large, 'large', 48);
    await pushPage(engine, registry, small, 'small', 4);
    await client.succeeded(await client.deploy(container.id, large));
    await client.succeeded(await client.deploy(container.id, APP, called('four')));
    await until('only what serves is there', async () => !(await onDocker()).includes('\n'));
    expect(await engine.docker('images', '-q', large)).not.toBe('');
    await fill();
    // An engine that removes an image writes down first which it has left.
    await command('truncate', ['-s', '-256K', filler]);
    await client.succeeded(await client.deploy(container.id, small));
    expect((await call(container.url)).body.trim()).toBe('small');
    expect(await engine.docker('images', '-q', large)).toBe('');
    expect(await engine.docker('images', '-q', APP)).not.toBe('');
    await client.succeeded(await client.delete(container.id));
    expect(await onDocker()).toBe('');
  });
});
