import { Progress_Step } from '../../../gen/ts/longshore/containers/v1/progress.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf, progressOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const ONE_GPU = { gpus: { count: 1n } };

describe('two containers and one GPU', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_PLACE_TIMEOUT: '5s' } });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const waits = (operationId: string) =>
    until('it says what it waits for', async () => {
      const { step, message } = progressOf(await service.client.operation(operationId));
      return step === Progress_Step.STEP_PLACE && message === 'host-1 has 0 of 1 GPUs free, 1 in all';
    });

  test('the second waits, says for what, and goes on when the first is deleted', async () => {
    const { client } = service;
    const first = await client.createContainer('first');
    const second = await client.createContainer('second');
    await client.succeeded(await client.deploy(first.id, APP, ONE_GPU));
    const deploy = await client.deploy(second.id, APP, ONE_GPU);
    await waits(deploy.id);

    await client.succeeded(await client.delete(first.id));
    await client.succeeded(deploy);
    const [instance] = (await client.container(second.id)).instances;
    expect(instance?.gpuUuids).toEqual(engine.gpuUuids);
    await client.succeeded(await client.delete(second.id));
  });

  test('the second ends with RESOURCE_EXHAUSTED at its deadline, and holds nothing', async () => {
    const { client } = service;
    const first = await client.createContainer('first');
    const second = await client.createContainer('second');
    await client.succeeded(await client.deploy(first.id, APP, ONE_GPU));
    const failed = await client.done(await client.deploy(second.id, APP, ONE_GPU));
    expect(failureOf(failed)).toMatchObject({ code: 8, reason: 'NO_CAPACITY' });
    expect(failureOf(failed).message).toMatch(/host-1 has 0 of 1 GPUs free/);
    expect(await client.container(second.id)).toMatchObject({ activeRevisionId: '', instances: [] });
    expect(await client.revisions(second.id)).toEqual([]);

    await client.succeeded(await client.delete(first.id));
    await client.succeeded(await client.deploy(second.id, APP, ONE_GPU));
    await client.succeeded(await client.delete(second.id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  test('a deploy that waits for room is cancelled at once, and takes none that comes later', async () => {
    const { client } = service;
    const first = await client.createContainer('first');
    const second = await client.createContainer('second');
    await client.succeeded(await client.deploy(first.id, APP, ONE_GPU));
    const deploy = await client.deploy(second.id, APP, ONE_GPU);
    await waits(deploy.id);
    await client.cancel(deploy.id);
    expect(failureOf(await client.done(deploy))).toMatchObject({ code: 1, reason: 'OPERATION_CANCELLED' });

    await client.succeeded(await client.delete(first.id));
    expect(await client.container(second.id)).toMatchObject({ instances: [] });
    await client.succeeded(await client.delete(second.id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });
});
