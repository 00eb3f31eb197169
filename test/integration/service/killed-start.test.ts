import { Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import type { EngineDriver } from '../../../src/engine/driver.js';
import { command } from '../../support/command.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const ONE_GPU = { gpus: { count: 1n } };

/** As the status message has it. */
const COMMAND = /end it on its host with: ctr (--namespace moby tasks kill --signal KILL ([0-9a-f]{64}))/;

/*
 * Docker 20.10 does not learn, when it is back, of a container whose start it was killed in. Later engines may end what is left by themselves, so what
 * is asked for here holds for them too.
 */
describe('an engine that is killed in the start of a container with the only GPU', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  /** What happens before the next start is sent. */
  let beforeStart: ((name: string) => Promise<void>) | null = null;

  const wrapDriver = (driver: EngineDriver): EngineDriver => ({
    ...driver,
    start: async (...args) => {
      const deed = beforeStart;
      beforeStart = null;
      await deed?.(args[0]);
      return driver.start(...args);
    },
  });

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    const env = { LONGSHORE_OBSERVE_INTERVAL: '1s' };
    service = await startService({ engines: [engine], env, seams: { wrapDriver } });
    container = await service.client.createContainer('app');
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const get = () => service.client.container(container.id);
  const answers = async () => {
    const [instance, ...more] = (await get()).instances;
    return (
      more.length === 0 &&
      instance?.state === Instance_State.STATE_RUNNING &&
      (await call(container.url)).status === 200
    );
  };

  test('before its program began: the deploy succeeds, with that GPU', async () => {
    const starts = engine.holdGpuStarts();
    const operation = await service.client.deploy(container.id, APP, ONE_GPU);
    await until('the start is under way', () => starts.waiting());
    await engine.kill();
    starts.letGo();
    await engine.start('LEFT');

    await service.client.succeeded(operation);
    expect(await answers()).toBe(true);
    const [dockerId = '', ...more] = (await engine.docker('ps', '--all', '--quiet', '--no-trunc')).split('\n');
    expect(more).toEqual([]);
    expect(engine.gpusSeen(dockerId)).toEqual(engine.gpuUuids);
    expect(engine.gpuOverlaps()).toEqual([]);
  });

  test('after its program began: nothing else gets that GPU until the program has ended, and then it serves again', async () => {
    const dockerId = await engine.docker('ps', '--quiet', '--no-trunc');
    let begun = false;
    beforeStart = async () => {
      await beginUnseen(dockerId);
      begun = true;
    };
    await engine.docker('kill', dockerId);
    await until('the engine is back, and knows nothing of the program', () => begun);
    const [, ctr, told] = await until('it is told, or the engine has ended it by itself', async () => {
      const told = COMMAND.exec((await get()).statusMessage);
      return told ?? ((await answers()) && ['', '', dockerId]);
    });
    expect(told).toBe(dockerId);
    expect(engine.gpuOverlaps()).toEqual([]);
    expect((await get()).instances).toMatchObject([{ gpuUuids: engine.gpuUuids }]);
    expect(await engine.docker('ps', '--all', '--quiet', '--no-trunc')).toBe(dockerId);

    if (ctr) await engine.ctr(...ctr.split(' '));
    await until('it serves again', answers);
    expect(await engine.docker('ps', '--quiet', '--no-trunc')).toBe(dockerId);
    expect((await get()).statusMessage).toBe('');
  });

  /** What a dockerd that is killed in a start may leave to containerd: a program that runs under the container's id. */
  async function beginUnseen(dockerId: string): Promise<void> {
    const root = newDirectory('root');
    await command('sh', [
      '-c',
      `docker -H "$1" export "$2" | tar -C "$3" -xf -`,
      'export',
      engine.endpoint,
      dockerId,
      root,
    ]);
    await engine.killDockerd();
    const place = ['--cgroup', '', '--rootfs', root];
    await engine.ctr('--namespace', 'moby', 'run', '--detach', ...place, dockerId, '/bin/sleep', '100000');
    await engine.start();
  }
});
