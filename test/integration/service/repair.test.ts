import { type Instance, Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const GPU = { gpus: { count: 1n } };
const revisionCalled = (name: string, more: Readonly<Record<string, string>> = {}) => ({
  imageSpec: { environment: { REVISION: name, ...more } },
});

/** What people, kernels and power failures do to an instance that serves. There is one container at a time, with the GPU. */
describe('an instance that serves', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let id: string;
  let url: string;
  /** Docker's id of it. */
  let before: string;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_OBSERVE_INTERVAL: '3s' } });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  beforeEach(async () => {
    const { client } = service;
    ({ id, url } = await client.createContainer('app'));
    await client.succeeded(await client.deploy(id, APP, { ...revisionCalled('one'), ...GPU }));
    before = await running();
  });

  afterEach(async () => {
    const { client } = service;
    expect(engine.gpuOverlaps()).toEqual([]);
    await client.succeeded(await client.delete(id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });

  const running = () => engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`);
  const inspect = (format: string) => engine.docker('inspect', '--format', format, before);

  async function instance(): Promise<Instance> {
    const [only, ...more] = (await service.client.container(id)).instances;
    expect(more).toEqual([]);
    if (!only) throw new Error('there is no instance');
    return only;
  }

  /** The Docker id of what serves then. */
  async function servesAgain(): Promise<string> {
    return until(
      'it serves again',
      async () => {
        const { state, gpuUuids } = await instance();
        const now = await running();
        if (state !== Instance_State.STATE_RUNNING || now === '' || (await call(url)).status !== 200) return false;
        expect(gpuUuids).toEqual(engine.gpuUuids);
        expect(engine.gpusSeen(now)).toEqual(engine.gpuUuids);
        expect((await service.client.container(id)).statusMessage).toBe('');
        return now;
      },
      60_000,
    );
  }

  test.each([
    ['is killed', ['kill']],
    ['is stopped by hand', ['stop']],
    ['is restarted by hand', ['restart']],
  ])('and %s is started in place: the same container with its files', async (_what, command) => {
    await engine.docker('exec', before, 'touch', '/tmp/mark');
    const startedAt = await inspect('{{.State.StartedAt}}');
    await engine.docker(...command, before);
    await until('it was started again', async () => (await inspect('{{.State.StartedAt}}')) !== startedAt);
    expect(await servesAgain()).toBe(before);
    expect(await engine.docker('exec', before, 'ls', '/tmp/mark')).toBe('/tmp/mark');
  });

  test('and is removed by hand is created anew', async () => {
    const { id: instanceId, address } = await instance();
    await engine.docker('rm', '--force', before);
    await until('another container is there', async () => (await running()) !== '');
    expect(await servesAgain()).not.toBe(before);
    expect(await instance()).toMatchObject({ id: instanceId, address });
  });

  test('and is renamed by hand serves on, and is started again as it is called then', async () => {
    await engine.docker('rename', before, 'mine');
    expect((await call(url)).status).toBe(200);
    const startedAt = await inspect('{{.State.StartedAt}}');
    await engine.docker('kill', before);
    await until('it was started again', async () => (await inspect('{{.State.StartedAt}}')) !== startedAt);
    expect(await servesAgain()).toBe(before);
    expect(await inspect('{{.Name}}')).toBe('/mine');
  });

  test('and is paused by hand is left alone, and serves again when it goes on', async () => {
    await engine.docker('pause', before);
    await until('it is told', async () => /is paused$/.test((await service.client.container(id)).statusMessage));
    await engine.docker('unpause', before);
    expect(await servesAgain()).toBe(before);
  });

  /** As tools do that bring an image up to date: the same name and labels, perhaps another port. */
  async function replaceByHand(port: string): Promise<string> {
    const name = (await inspect('{{.Name}}')).slice(1);
    const labels = Object.entries(JSON.parse(await inspect('{{json .Config.Labels}}')) as Record<string, string>);
    const variables = JSON.parse(await inspect('{{json .Config.Env}}')) as string[];
    const options = [
      ...labels.flatMap(([label, value]) => ['--label', `${label}=${value}`]),
      ...variables.flatMap((variable) => ['--env', variable]),
    ];
    await engine.docker('rm', '--force', before);
    // The service may be faster, and have created another one already: that one has to go too.
    const create = () =>
      engine.docker('run', '--detach', '--name', name, ...options, '--publish', `127.0.0.1:${port}:8080`, APP);
    return until('it was replaced', create);
  }

  test('and is replaced by hand by one that publishes another port is replaced in its turn', async () => {
    const { address } = await instance();
    const port = Number(address.split(':')[1]);
    const theirs = await replaceByHand(String(port + 1));
    await until('theirs is gone', async () => !(await engine.docker('ps', '-aq', '--no-trunc')).includes(theirs));
    expect(await servesAgain()).not.toBe(theirs);
    expect((await instance()).address).toBe(address);
  });

  test('and whose engine lost its power serves again when that is back, in place', async () => {
    await engine.crash();
    await engine.start();
    expect(await servesAgain()).toBe(before);
  });

  test('and whose engine alone was killed serves again when that is back', async () => {
    await engine.kill();
    await engine.start();
    expect(await servesAgain()).toBe(before);
  });

  test('and cannot be started any more is created anew in the end, and until then says why', async () => {
    engine.failGpus('the driver is out of order');
    await engine.docker('kill', before);
    await until('the reason is told', async () => {
      const { statusMessage } = await service.client.container(id);
      return /exited with code 137/.test(statusMessage) && /the driver is out of order/.test(statusMessage);
    });
    expect((await instance()).state).toBe(Instance_State.STATE_FAILED);
    await until(
      'the broken one is gone',
      async () => !(await engine.docker('ps', '-aq', '--no-trunc')).includes(before),
    );
    engine.failGpus(undefined);
    expect(await servesAgain()).not.toBe(before);
  });
});
