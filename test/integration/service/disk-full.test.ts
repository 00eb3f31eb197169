import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command, tryCommand } from '../../support/command.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const called = (revision: string) => ({ imageSpec: { environment: { REVISION: revision } } });

describe('an engine whose disk is full', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let filler: string;

  const fill = () => tryCommand('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { timeoutMs: 60_000 });
  const makeRoom = () => rmSync(filler, { force: true });
  const complaints = () => readFileSync(service.logFile, 'utf8').split('no space left').length;
  const onDocker = (...more: string[]) => engine.docker('ps', '-aq', ...more);

  beforeAll(async () => {
    engine = await ownEngine(0);
    // Its own data go to a file system that is soon full; what is mounted below its directory is unmounted with it.
    const data = join(engine.dir, 'data');
    filler = join(data, 'filler');
    await engine.crash();
    await command('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', data]);
    await engine.start();
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_RETRY_BUDGET: '5s' } });
    container = await service.client.createContainer('app');
    await service.client.succeeded(await service.client.deploy(container.id, APP, called('one')));
  });

  afterAll(async () => {
    makeRoom();
    await service?.stop(10_000);
    await engine?.remove();
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
    await client.succeeded(await client.delete(container.id));
    expect(await onDocker()).toBe('');
  });
});
