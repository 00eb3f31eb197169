import { Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { ownEngine } from '../../support/engine.js';
import { statesOf } from '../../support/host-states.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const called = (name: string) => ({ imageSpec: { environment: { REVISION: name } }, gpus: { count: 1n } });

describe.each([
  ['with live-restore', true],
  ['without live-restore', false],
])('an engine that is shut down in order, %s, and started again', (_how, liveRestore) => {
  let engine: PrivateEngine;
  let service: RunningService;
  let id: string;
  let url: string;

  beforeAll(async () => {
    engine = await ownEngine(1, { 'live-restore': liveRestore });
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_OBSERVE_INTERVAL: '3s' } });
    const { client } = service;
    ({ id, url } = await client.createContainer('app'));
    await client.succeeded(await client.deploy(id, APP, called('one')));
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const running = () => engine.docker('ps', '-q', '--no-trunc');
  const startedAt = (dockerId: string) => engine.docker('inspect', '--format', '{{.State.StartedAt}}', dockerId);

  const missed = () => until('it is missed', () => statesOf(service, 'host-1').at(-1) === 'UNREACHABLE');

  const serves = (revision: string) =>
    until(
      `${revision} serves`,
      async () => {
        const { instances, statusMessage } = await service.client.container(id);
        const answer = await call(url);
        const serving = instances.filter(({ state }) => state === Instance_State.STATE_RUNNING);
        expect(serving).toMatchObject([{ host: 'host-1', gpuUuids: engine.gpuUuids }]);
        expect(answer).toMatchObject({ status: 200, headers: { 'x-revision': revision } });
        return statusMessage === '';
      },
      60_000,
    );

  test('has what it ran serve again, in the same container: one that has run on, or was started again', async () => {
    const before = await running();
    const started = await startedAt(before);
    await engine.shutDown();
    await missed();
    await engine.start();
    await serves('one');
    expect(await running()).toBe(before);
    expect((await startedAt(before)) === started).toBe(liveRestore);
  });

  test('has a deploy wait for it that was asked for meanwhile', async () => {
    const { client } = service;
    await engine.shutDown();
    const accepted = await client.deploy(id, APP, called('two'));
    await missed();
    expect(await client.operation(accepted.id)).toMatchObject({ done: false });
    await engine.start();
    await client.succeeded(accepted);
    await serves('two');
    expect(engine.gpuOverlaps()).toEqual([]);
  });
});
