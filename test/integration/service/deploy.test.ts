import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { treePath } from '../../../src/paths.js';
import { tryCommand } from '../../support/command.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const revisionCalled = (name: string) => ({ imageSpec: { environment: { REVISION: name } } });

describe('deploying on a real engine', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(2);
    await engine.images('app');
    service = await startService({ engines: [engine] });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const called = async (url: string): Promise<unknown> => JSON.parse((await call(url)).body);

  test('two revisions, a rollback, and a container that leaves nothing behind', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('web');
    expect(await call(url)).toMatchObject({ status: 404 });

    const first = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('one'))), Revision);
    expect(await called(url)).toMatchObject({ revision: 'one' });
    const second = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('two'))), Revision);
    expect(await called(url)).toMatchObject({ revision: 'two' });
    expect((await client.revisions(id)).map((revision) => revision.id)).toEqual([second.id, first.id]);

    await client.succeeded(await client.rollback(id, first.id));
    expect(await called(url)).toMatchObject({ revision: 'one' });
    expect(await client.container(id)).toMatchObject({ activeRevisionId: first.id, statusMessage: '' });

    await client.succeeded(await client.delete(id));
    expect(await engine.docker('ps', '-aq', '--filter', `label=longshore.container=${id}`)).toBe('');
    await expect(client.container(id)).rejects.toMatchObject({ code: 5 });
  });

  test('a deploy that exits at once fails with its code and its last lines, and the old revision serves on', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('bad');
    const good = responseOf(await client.succeeded(await client.deploy(id, APP, revisionCalled('good'))), Revision);

    const failing = { imageSpec: { environment: { APP_EXIT_CODE: '3', APP_MESSAGE: 'no such model' } } };
    const failed = await client.done(await client.deploy(id, APP, failing));
    const error = failed.result?.$case === 'error' ? failed.result.value : undefined;
    expect(error).toMatchObject({ code: 9, message: expect.stringMatching(/exited with code 3[\s\S]*no such model/) });

    expect(await called(url)).toMatchObject({ revision: 'good' });
    expect((await client.revisions(id)).map((revision) => revision.id)).toEqual([good.id]);
    await client.succeeded(await client.delete(id));
  });

  test('an instance that dies is started in place', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('dying');
    await client.succeeded(await client.deploy(id, APP, revisionCalled('lasting')));
    const before = await engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`);
    await engine.docker('kill', before);

    await until('it serves again', async () => {
      const { state } = (await client.container(id)).instances[0] ?? {};
      return state === 2 && (await call(url)).status === 200;
    });
    expect(await engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`)).toBe(before);
    await client.succeeded(await client.delete(id));
  });

  test("a revision's execution timeout holds at its url", async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('slow');
    const timeout = (millis: number) => ({ executionTimeout: { seconds: 0n, nanos: millis * 1_000_000 } });
    await client.succeeded(await client.deploy(id, APP, { ...revisionCalled('impatient'), ...timeout(300) }));
    const answer = await call(`${url}slow?ms=60000`);
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.body)).toMatchObject({ errorMessage: 'the container did not answer within 0.3 s' });
    expect(await called(url)).toMatchObject({ revision: 'impatient' });
    await client.succeeded(await client.delete(id));
  });

  test('the example of a client in TypeScript does what it says, and leaves nothing behind', async () => {
    const example = treePath('examples', 'typescript', 'client.ts');
    const address = `127.0.0.1:${service.grpcPort}`;
    const { code, stdout, stderr } = await tryCommand(process.execPath, ['--import', 'tsx', example, address, APP]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^revision \S+ is being deployed\nlongshore\/demo-app:latest \(sha256:\w+\) answers at http:/,
    );
    expect(code).toBe(0);
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  test('GPUs are exclusive: what does not fit waits, and takes over the GPUs of its own former revision', async () => {
    const { client } = service;
    const gpus = { gpus: { count: 2n } };
    const { id, url } = await client.createContainer('training');
    await client.succeeded(await client.deploy(id, APP, { ...revisionCalled('one'), ...gpus }));
    const [instance] = (await client.container(id)).instances;
    expect([...(instance?.gpuUuids ?? [])].sort()).toEqual([...engine.gpuUuids].sort());

    await client.succeeded(await client.deploy(id, APP, { ...revisionCalled('two'), ...gpus }));
    expect(await called(url)).toMatchObject({ revision: 'two' });
    const running = await engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`);
    expect(engine.gpusSeen(running).sort()).toEqual([...engine.gpuUuids].sort());

    const broken = { imageSpec: { environment: { APP_EXIT_CODE: '4' } }, ...gpus };
    expect((await client.done(await client.deploy(id, APP, broken))).result?.$case).toBe('error');
    expect(await called(url)).toMatchObject({ revision: 'two' });
    await client.succeeded(await client.delete(id));
  });
});
