import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const revisionCalled = (name: string) => ({ imageSpec: { environment: { REVISION: name } } });

describe('rolling back right after a deploy', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(0);
    await engine.images('app');
    service = await startService({ engines: [engine] });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const containersOf = async (id: string): Promise<string[]> =>
    (await engine.docker('ps', '-aq', '--no-trunc', '--filter', `label=longshore.container=${id}`)).split('\n').sort();

  // Each has a container of its own, and they wait for most of their time: they go on side by side.
  test.concurrent('the instance that drains serves again, and the request that it drained for goes on', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('web');
    const one = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('one'))), Revision);
    const [first] = (await client.container(id)).instances;
    const stream = call(new URL('/stream?seconds=6', url).href, { timeoutMs: 60_000 });
    expect(await call(url)).toMatchObject({ status: 200 });
    await client.succeeded(await client.deploy(id, APP, revisionCalled('two')));
    const containers = await containersOf(id);
    expect(containers).toHaveLength(2);

    await client.succeeded(await client.rollback(id, one.id));
    expect(JSON.parse((await call(url)).body)).toMatchObject({ revision: 'one' });
    expect(await containersOf(id)).toEqual(containers);
    const serving = (await client.container(id)).instances.filter((instance) => instance.revisionId === one.id);
    expect(serving.map((instance) => instance.id)).toEqual([first?.id]);
    expect((await stream).body).toMatch(/^one 0\n[\s\S]*one end\n$/);
    await client.succeeded(await client.delete(id));
  });

  test.concurrent('an instance that was stopped a moment ago is started, not made anew', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('stopped');
    const one = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('one'))), Revision);
    const two = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('two'))), Revision);
    for (const revision of [one, two, one]) await client.succeeded(await client.rollback(id, revision.id));
    expect(JSON.parse((await call(url)).body)).toMatchObject({ revision: 'one' });
    expect(await containersOf(id)).toHaveLength(2);
    await client.succeeded(await client.delete(id));
    expect((await containersOf(id)).join()).toBe('');
  });
});

describe('rolling back within the time for which former instances are kept', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_KEEP_DRAINING: '1h' } });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const startsOf = async (id: string): Promise<string[]> => {
    const ids = await engine.docker('ps', '-aq', '--no-trunc', '--filter', `label=longshore.container=${id}`);
    const starts = await engine.docker('inspect', '--format', '{{.State.Status}} {{.State.StartedAt}}', ...lines(ids));
    return lines(starts).sort();
  };

  test.concurrent('is a mere switch, there and back', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('kept');
    const one = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('one'))), Revision);
    const two = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('two'))), Revision);
    const starts = await startsOf(id);
    expect(starts.map((start) => start.split(' ')[0])).toEqual(['running', 'running']);
    for (const [revision, name] of [[one, 'one'] as const, [two, 'two'] as const]) {
      await client.succeeded(await client.rollback(id, revision.id));
      expect(JSON.parse((await call(url)).body)).toMatchObject({ revision: name });
    }
    expect(await startsOf(id)).toEqual(starts);

    await client.succeeded(await client.deploy(id, APP, revisionCalled('three')));
    await until('the older one is stopped', async () => {
      const states = (await startsOf(id)).map((start) => start.split(' ')[0]);
      return states.filter((state) => state === 'exited').length === 1;
    });
    await client.succeeded(await client.delete(id));
  });

  test.concurrent('what is kept gives its GPUs to whoever waits for some', async () => {
    const { client } = service;
    const gpus = { gpus: { count: 1n } };
    const { id } = await client.createContainer('generous');
    await client.succeeded(await client.deploy(id, APP, { ...revisionCalled('one'), ...gpus }));
    await client.succeeded(await client.deploy(id, APP, revisionCalled('two')));
    expect((await startsOf(id)).map((start) => start.split(' ')[0])).toEqual(['running', 'running']);
    const other = await client.createContainer('needy');
    await client.succeeded(await client.deploy(other.id, APP, { ...revisionCalled('one'), ...gpus }));
    expect((await startsOf(id)).map((start) => start.split(' ')[0])).toEqual(['exited', 'running']);
    for (const container of [id, other.id]) await client.succeeded(await client.delete(container));
  });
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
