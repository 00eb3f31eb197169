import { setTimeout as delay } from 'node:timers/promises';
import { Container, Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { Progress_Step } from '../../../gen/ts/longshore/containers/v1/progress.js';
import { ownEngine } from '../../support/engine.js';
import { progressOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const GPU = { gpus: { count: 1n } };
/** What happens by hand is heard of, long before the next look. */
const env = { LONGSHORE_OBSERVE_INTERVAL: '60s', LONGSHORE_RETAINED_INSTANCES: '0' };

/** One host with one GPU, and one container that has it. */
describe('a container that is stopped', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: Container;
  /** Docker's id of what served. */
  let before: string;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine], env });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  beforeEach(async () => {
    const { client } = service;
    container = await client.createContainer('app');
    await client.succeeded(await client.deploy(container.id, APP, GPU));
    before = await running();
    await engine.docker('exec', before, 'touch', '/tmp/mark');
  });

  afterEach(async () => {
    const { client } = service;
    expect(engine.gpuOverlaps()).toEqual([]);
    await client.succeeded(await client.delete(container.id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  const running = () =>
    engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${container.id}`);

  async function stopped(): Promise<Container> {
    const { client } = service;
    const operation = await client.succeeded(await client.stop(container.id));
    expect(progressOf(operation)).toMatchObject({ step: Progress_Step.STEP_DONE, percent: 100 });
    return responseOf(operation, Container);
  }

  /** What has been heard, or a look at its host, would have started it by then, if anything did. */
  async function staysStopped(): Promise<void> {
    for (let look = 0; look < 3; look += 1) {
      await delay(1_000);
      const { instances } = await service.client.container(container.id);
      expect([await running(), ...instances.map(({ state }) => state)]).toEqual(['', Instance_State.STATE_STOPPED]);
    }
  }

  test('is done when nothing of it runs, and its GPU is free for another', async () => {
    const { client } = service;
    const shown = await stopped();
    expect(shown).toMatchObject({ stopped: true, statusMessage: 'stopped on request' });
    expect(shown.activeRevisionId).not.toBe('');
    expect(shown.instances).toMatchObject([{ state: Instance_State.STATE_STOPPED, gpuUuids: [], address: '' }]);
    expect(await running()).toBe('');
    const body = expect.stringContaining('the container has been stopped');
    expect(await call(container.url)).toMatchObject({ status: 503, body });

    const other = await client.createContainer('other');
    await client.succeeded(await client.deploy(other.id, APP, GPU));
    expect((await call(other.url)).status).toBe(200);
    const waiting = await client.start(container.id);
    await until('it waits for the GPU', async () =>
      progressOf(await client.operation(waiting.id)).message.includes('GPU'),
    );
    await client.succeeded(await client.delete(other.id));
    await client.succeeded(waiting);
    expect(await running()).toBe(before);
  });

  test.each([
    ['somebody starts its Docker container', () => engine.docker('start', before)],
    [
      'its host loses power',
      async () => {
        await engine.crash();
        await engine.start();
      },
    ],
  ])('stays so when %s', async (_what, happens) => {
    await stopped();
    await happens();
    await until('nothing of it runs', async () => (await running()) === '', 30_000);
    await staysStopped();
  });

  test('has its GPU to itself for as long as somebody runs it by hand', async () => {
    const { client } = service;
    await stopped();
    const other = await client.createContainer('other');
    await engine.docker('start', before);
    await client.succeeded(await client.deploy(other.id, APP, GPU));
    expect(await running()).toBe('');
    expect((await call(other.url)).status).toBe(200);
    await client.succeeded(await client.delete(other.id));
  });

  test('stays so when the service is restarted, and is started with its files', async () => {
    await stopped();
    const { dataDir } = service;
    await service.stop(10_000);
    service = await startService({ engines: [engine], env, dataDir });
    const { client } = service;
    await staysStopped();

    await client.succeeded(await client.start(container.id));
    expect(await running()).toBe(before);
    expect(await engine.docker('exec', before, 'ls', '/tmp/mark')).toBe('/tmp/mark');
    container = await client.container(container.id);
    expect(container).toMatchObject({ stopped: false, statusMessage: '' });
    expect((await call(container.url)).status).toBe(200);
  });

  test('lets the requests under way finish', async () => {
    const { client } = service;
    const slow = call(new URL('/slow?ms=2000', container.url).href);
    await delay(300);
    const stopping = await client.stop(container.id);
    await until('nobody is let in', async () => (await call(container.url)).status === 503);
    expect((await slow).status).toBe(200);
    await client.succeeded(stopping);
  });

  test('serves again by a deploy', async () => {
    const { client } = service;
    await stopped();
    await client.succeeded(await client.deploy(container.id, APP, GPU));
    expect((await call(container.url)).status).toBe(200);
    expect(await client.container(container.id)).toMatchObject({ stopped: false, statusMessage: '' });
  });
});
