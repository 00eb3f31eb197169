import { createDockerDriver, type DockerDriver } from '../../../src/engine/docker-driver.js';
import { parseEndpoint } from '../../../src/engine/docker-endpoint.js';
import { engineContract, kindOf, newId, newInstance, seen } from '../../support/contract/engine-contract.js';
import { ownEngine } from '../../support/engine.js';
import { freePort } from '../../support/ports.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { until } from '../../support/until.js';

const IMAGE = 'longshore/busybox:latest';
const controlPlaneId = newId('controlPlane');
const otherControlPlaneId = newId('controlPlane');
let engine: PrivateEngine;
let driver: DockerDriver;
let otherDriver: DockerDriver;
let imageId: string;

function connect(id: string): DockerDriver {
  return createDockerDriver({
    host: 'gpu-1',
    endpoint: parseEndpoint(engine.endpoint, null),
    controlPlaneId: id,
    credentials: () => Promise.resolve(null),
  });
}

beforeAll(async () => {
  engine = await ownEngine(2);
  await engine.images('busybox');
  driver = connect(controlPlaneId);
  otherDriver = connect(otherControlPlaneId);
  imageId = (await driver.findImage(IMAGE))?.id ?? '';
});

afterAll(async () => {
  driver?.close();
  otherDriver?.close();
  await engine?.remove();
});

describe('the contract of an engine', () => {
  engineContract(async () => ({
    driver,
    controlPlaneId,
    otherDriver,
    otherControlPlaneId,
    image: IMAGE,
    gpuUuids: engine.gpuUuids,
    freePort: () => freePort(),
  }));
});

describe('what Docker was told', () => {
  beforeAll(() => driver.ensureNetwork());
  afterEach(async () => {
    engine.failGpus(undefined);
    await Promise.all((await driver.list({})).map((instance) => driver.remove(instance.name)));
  });

  test('limits, defaults and labels stand in the container', async () => {
    const port = await freePort();
    const instance = newInstance(controlPlaneId, imageId, {
      port,
      spec: {
        runtime: 'HTTP',
        shmSize: 256 * 2 ** 20,
        resources: { memory: 64 * 2 ** 20, cores: 1, coreFraction: 50 },
      },
    });
    await driver.create(instance);
    await driver.start(instance.name);
    const [inspect] = JSON.parse(await engine.docker('inspect', instance.name));
    expect(inspect.HostConfig).toMatchObject({
      Init: true,
      RestartPolicy: { Name: 'no' },
      PidsLimit: 4096,
      Memory: 64 * 2 ** 20,
      NanoCpus: 500_000_000,
      ShmSize: 256 * 2 ** 20,
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      Privileged: false,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
    });
    expect(inspect.Config.Labels['longshore.operation']).toBe(instance.identity.operationId);
    const environment = await engine.docker('exec', instance.name, 'env');
    expect(environment).toContain('COLOUR=green');
    expect(environment).toContain('PORT=8080');
    expect(environment).toContain('NVIDIA_VISIBLE_DEVICES=void');
    expect(await engine.docker('network', 'inspect', inspect.HostConfig.NetworkMode)).toContain(
      '"com.docker.network.bridge.enable_icc": "false"',
    );
  });

  test('a container gets exactly its devices, and keeps them over a restart', async () => {
    const gpu = engine.gpuUuids[1] ?? '';
    const instance = newInstance(controlPlaneId, imageId, { gpuUuids: [gpu] });
    await driver.create(instance);
    await driver.start(instance.name);
    const { dockerId } = await seen(driver, instance);
    expect(engine.gpusSeen(dockerId)).toEqual([gpu]);
    await driver.stop(instance.name, 1);
    await driver.start(instance.name);
    expect(engine.gpusSeen(dockerId)).toEqual([gpu]);
  });

  test('a GPU driver that fails makes the start fail with its words', async () => {
    const instance = newInstance(controlPlaneId, imageId, { gpuUuids: [engine.gpuUuids[0] ?? ''] });
    await driver.create(instance);
    engine.failGpus('nvml error: driver not loaded');
    await expect(driver.start(instance.name)).rejects.toThrow(/^start ls-.*driver not loaded/);
    engine.failGpus(undefined);
    await driver.start(instance.name);
    expect((await seen(driver, instance)).state).toBe('RUNNING');
  });

  test('a container that nobody of ours made is neither listed nor touched, but its devices count', async () => {
    const [first = '', second = ''] = engine.gpuUuids;
    const run = ['run', '-d', '--name', 'stranger', '--gpus', `device=${second}`, IMAGE, 'sleep', '1000'];
    await engine.docker(...run);
    expect(await driver.list({})).toEqual([]);
    expect(await driver.foreignGpus([first, second])).toEqual([second]);
    expect(await kindOf(driver.stop('stranger', 1))).toBe('CONFLICT');
    expect(await kindOf(driver.remove('stranger'))).toBe('CONFLICT');
    await engine.docker('rm', '-f', 'stranger');
    await engine.docker('run', '-d', '--name', 'stranger', '--gpus', 'all', IMAGE, 'sleep', '1000');
    expect(await driver.foreignGpus([first, second])).toEqual([first, second]);
    await engine.docker('rm', '-f', 'stranger');
  });

  test('a container of ours that was renamed by hand is still ours', async () => {
    const instance = newInstance(controlPlaneId, imageId);
    await driver.create(instance);
    await engine.docker('rename', instance.name, 'by-hand');
    expect(await seen(driver, instance)).toMatchObject({ name: 'by-hand', fence: 0 });
    await driver.remove('by-hand');
    expect(await driver.list({})).toEqual([]);
  });

  test('a container whose network is gone cannot start, which is no missing container', async () => {
    const fifth = newId('controlPlane');
    const homeless = connect(fifth);
    await homeless.ensureNetwork();
    const instance = newInstance(fifth, imageId);
    await homeless.create(instance);
    await homeless.start(instance.name);
    await homeless.stop(instance.name, 1);
    await engine.docker('network', 'rm', `longshore-${fifth.slice(-12)}`);
    expect(await kindOf(homeless.start(instance.name))).toBe('PERMANENT');
    await homeless.remove(instance.name);
    homeless.close();
  });

  test('what a program prints cannot steer a terminal', async () => {
    const command = ['sh', '-c', String.raw`printf '\033[2Jred\r\nü\tend\n'; printf 'no end of line'`];
    const instance = newInstance(controlPlaneId, imageId, { command });
    await driver.create(instance);
    await driver.start(instance.name);
    await until('it has ended', async () => (await seen(driver, instance)).state === 'EXITED');
    expect(await driver.logs(instance.name, { lines: 20, bytes: 4096 })).toBe('\uFFFD[2Jred\nü\tend\nno end of line');
  });

  test('a volume or a network of that name which is not ours is an error that names it', async () => {
    const third = newId('controlPlane');
    const stranger = connect(third);
    const name = `longshore-${third.slice(-12)}`;
    await engine.docker('network', 'create', name);
    await expect(stranger.ensureNetwork()).rejects.toThrow(name);
    await engine.docker('network', 'rm', name);
    await engine.docker('volume', 'rm', '-f', 'longshore-owner');
    await engine.docker('volume', 'create', 'longshore-owner');
    await expect(stranger.claim()).rejects.toThrow('longshore-owner');
    await engine.docker('volume', 'rm', 'longshore-owner');
    expect(await stranger.claim()).toEqual({ owner: third, as: driver.host });
    expect(await driver.claim()).toEqual({ owner: third, as: driver.host });
    stranger.close();
  });

  test('many who ask for the network at once get one', async () => {
    const fourth = newId('controlPlane');
    const drivers = Array.from({ length: 8 }, () => connect(fourth));
    await Promise.all(drivers.map((each) => each.ensureNetwork()));
    for (const each of drivers) each.close();
    const filter = `label=longshore.control-plane=${fourth}`;
    expect((await engine.docker('network', 'ls', '-q', '--filter', filter)).split('\n')).toHaveLength(1);
  });
});
