import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';

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

  test('the instance that drains serves again, and the request that it drained for goes on', async () => {
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

  test('an instance that was stopped a moment ago is started, not made anew', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('stopped');
    const one = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('one'))), Revision);
    const two = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('two'))), Revision);
    for (const revision of [one, two, one]) await client.succeeded(await client.rollback(id, revision.id));
    expect(JSON.parse((await call(url)).body)).toMatchObject({ revision: 'one' });
    expect(await containersOf(id)).toHaveLength(2);
    await client.succeeded(await client.delete(id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });
});
