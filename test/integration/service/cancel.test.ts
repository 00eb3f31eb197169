import { Progress_Step } from '../../../gen/ts/longshore/containers/v1/progress.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf, progressOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { type SlowRegistry, startSlowRegistry } from '../../support/slow-registry.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const named = (REVISION: string): DeployDraft => ({
  imageSpec: { environment: { REVISION } },
  gpus: { count: 1n },
});
const seconds = (value: number) => ({ seconds: BigInt(value), nanos: 0 });
/** Its probe is answered long after every deadline of these tests. */
const NEVER_HEALTHY: DeployDraft = {
  ...named('never healthy'),
  healthCheck: {
    probe: { $case: 'http', value: { path: '/slow?ms=600000' } },
    timeout: seconds(300),
    deadline: seconds(600),
  },
};
const CANCELLED = { code: 1, reason: 'OPERATION_CANCELLED' };
const DONE = { step: Progress_Step.STEP_DONE, percent: 100 };

describe('a deploy that nobody wants any more', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let registry: SlowRegistry;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine] });
    registry = await startSlowRegistry();
  });

  afterAll(async () => {
    await service?.stop(10_000);
    registry?.stop();
    await engine?.remove();
  });

  const reaches = (operationId: string, wanted: Progress_Step) =>
    until(`it is at step ${Progress_Step[wanted]}`, async () => {
      return progressOf(await service.client.operation(operationId)).step === wanted;
    });
  const pulled = () => until('the engine downloads', () => registry.downloads() > 0);
  const left = () => until('the engine has left the download', () => registry.downloads() === 0);
  const running = () => engine.docker('ps', '-q');

  test.each(['cancel', 'delete'] as const)('%s ends it while its image is pulled', async (how) => {
    const { client } = service;
    const { id } = await client.createContainer(`pulling-${how}`);
    const deploy = await client.deploy(id, registry.image, named('never there'));
    await reaches(deploy.id, Progress_Step.STEP_PULL);
    await pulled();
    const deletion = how === 'delete' ? await client.delete(id) : await client.cancel(deploy.id);
    const ended = await client.done(deploy);
    expect(failureOf(ended)).toMatchObject({ ...CANCELLED, metadata: { step: 'PULL' } });
    expect(progressOf(ended).step).toBe(Progress_Step.STEP_PULL);
    await left();

    if (how === 'delete') {
      expect(progressOf(await client.succeeded(deletion))).toMatchObject(DONE);
      return;
    }
    expect(await client.container(id)).toMatchObject({ instances: [], activeRevisionId: '' });
    await client.succeeded(await client.deploy(id, APP, named('has the GPU')));
    await client.succeeded(await client.delete(id));
  });

  test.each(['cancel', 'delete'] as const)('%s ends it while its probe is not answered', async (how) => {
    const { client } = service;
    const { id } = await client.createContainer(`probing-${how}`);
    const deploy = await client.deploy(id, APP, NEVER_HEALTHY);
    await reaches(deploy.id, Progress_Step.STEP_HEALTHY);
    const deletion = how === 'delete' ? await client.delete(id) : await client.cancel(deploy.id);
    expect(failureOf(await client.done(deploy))).toMatchObject(CANCELLED);

    if (how === 'delete') await client.succeeded(deletion);
    expect(await running()).toBe('');
    if (how === 'delete') return;
    await client.succeeded(await client.deploy(id, APP, named('has the GPU')));
    await client.succeeded(await client.delete(id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  test('cancel gives the GPU back to the revision that was stopped for it, and ends when that serves again', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('stop-first');
    await client.succeeded(await client.deploy(id, APP, named('good')));
    const before = await running();
    const deploy = await client.deploy(id, APP, NEVER_HEALTHY);
    await reaches(deploy.id, Progress_Step.STEP_HEALTHY);
    expect(await running()).not.toBe(before);
    await client.cancel(deploy.id);
    const ended = await client.done(deploy);
    expect(failureOf(ended)).toMatchObject(CANCELLED);
    expect(progressOf(ended)).toMatchObject({ step: Progress_Step.STEP_HEALTHY, percent: 75 });
    expect(await running()).toBe(before);
    expect((await call(url)).headers['x-revision']).toBe('good');
    await client.succeeded(await client.delete(id));
  });

  test('a service that stops leaves the pull at once, and the next one goes on with it', async () => {
    const { id } = await service.client.createContainer('restarted');
    const deploy = await service.client.deploy(id, registry.image, named('never there'));
    await pulled();
    await service.stop(60_000);
    await left();

    service = await startService({ engines: [engine], dataDir: service.dataDir });
    await pulled();
    const { client } = service;
    await client.cancel(deploy.id);
    expect(failureOf(await client.done(deploy))).toMatchObject(CANCELLED);
    await client.succeeded(await client.delete(id));
  });
});
