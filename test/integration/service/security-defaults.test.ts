import { readFileSync } from 'node:fs';
import { CAPABILITIES } from '../../../src/engine/docker-spec.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RunningService, startService } from '../../support/service.js';

const APP = 'longshore/demo-app:latest';
const SECRET = 'hunter2-in-the-environment';

describe('what an instance may do by default', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let id: string;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({ engines: [engine], env: { LONGSHORE_PIDS_LIMIT: '321' } });
    ({ id } = await service.client.createContainer('careful'));
    const environment = { DB_PASSWORD: SECRET, REVISION: 'one' };
    await service.client.succeeded(await service.client.deploy(id, APP, { imageSpec: { environment } }));
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const inspect = async (containerId = id) => {
    const made = await engine.docker('ps', '-q', '--filter', `label=longshore.container=${containerId}`);
    const [inspected] = JSON.parse(await engine.docker('inspect', made));
    return inspected;
  };

  test('no new privileges, a bounded number of processes, stated capabilities, bounded logs, an init', async () => {
    const { HostConfig } = await inspect();
    expect(HostConfig).toMatchObject({
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 321,
      Privileged: false,
      CapDrop: ['ALL'],
      Init: true,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    });
    const capabilities = (HostConfig.CapAdd as string[]).map((name) => name.replace(/^CAP_/, ''));
    expect(capabilities.toSorted()).toEqual([...CAPABILITIES].toSorted());
    expect(HostConfig.Binds ?? []).toEqual([]);
    expect(HostConfig.NetworkMode).not.toBe('host');
    expect(HostConfig.DeviceRequests ?? []).toEqual([]);
  });

  test("a port on the host's address alone, in a network of ours without traffic between containers", async () => {
    const { HostConfig, NetworkSettings } = await inspect();
    const [bound, ...others] = NetworkSettings.Ports['8080/tcp'];
    expect(others).toEqual([]);
    expect(bound.HostIp).toBe('127.0.0.1');
    const [instance] = (await service.client.container(id)).instances;
    expect(instance?.address).toBe(`127.0.0.1:${bound.HostPort}`);

    expect(Object.keys(NetworkSettings.Networks)).toEqual([HostConfig.NetworkMode]);
    const [network] = JSON.parse(await engine.docker('network', 'inspect', HostConfig.NetworkMode));
    expect(network).toMatchObject({
      Driver: 'bridge',
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    });
    expect(Object.keys(network.Labels)).toContain('longshore.control-plane');
  });

  const environmentOf = async (containerId: string): Promise<Record<string, string>> => {
    const { Config } = await inspect(containerId);
    return Object.fromEntries((Config.Env as string[]).map((line) => line.split('=', 2)));
  };

  test('the caller decides neither on its port nor on devices', async () => {
    const given = { PORT: '8080', NVIDIA_VISIBLE_DEVICES: 'void', DB_PASSWORD: SECRET, REVISION: 'one' };
    expect(await environmentOf(id)).toMatchObject(given);
    for (const name of ['PORT', 'NVIDIA_VISIBLE_DEVICES']) {
      const refused = service.client.deploy(id, APP, { imageSpec: { environment: { [name]: '1' } } });
      await expect(refused).rejects.toMatchObject({ code: 3, details: expect.stringContaining(name) });
    }
  });

  test('variables that ask for GPUs get them, and stay outside', async () => {
    const { client } = service;
    const asking = await client.createContainer('asking');
    const environment = { LONGSHORE_GPU_COUNT: '1', LONGSHORE_GPU_MODEL: '*h200*' };
    await client.succeeded(await client.deploy(asking.id, APP, { imageSpec: { environment } }));
    const seen = await environmentOf(asking.id);
    expect(seen.NVIDIA_VISIBLE_DEVICES).toBe(engine.gpuUuids[0]);
    expect(Object.keys(seen).filter((name) => name.startsWith('LONGSHORE_GPU_'))).toEqual([]);
  });

  test('every log line is free of environment values', async () => {
    const failing = { imageSpec: { environment: { DB_PASSWORD: SECRET, APP_EXIT_CODE: '1' } } };
    await service.client.done(await service.client.deploy(id, APP, failing));
    const lines = readFileSync(service.logFile, 'utf8');
    expect(lines).toContain('INSTANCE_EXITED');
    expect(lines).not.toContain(SECRET);
  });
});
