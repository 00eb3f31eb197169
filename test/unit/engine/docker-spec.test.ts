import { CONTAINER_DEFAULTS, createBody, specHash } from '../../../src/engine/docker-spec.js';
import type { InstanceSpec } from '../../../src/engine/driver.js';
import { newInstance } from '../../support/contract/engine-contract.js';

const IMAGE = `sha256:${'1'.repeat(64)}`;
const PLANE = 'bbp0123456789abcdefg';
const GPUS = ['GPU-b', 'GPU-a'];

type Change = Parameters<typeof newInstance>[2];
const identity = newInstance(PLANE, IMAGE).identity;
const instanceOf = (change: Change = {}): InstanceSpec => newInstance(PLANE, IMAGE, { identity, ...change });
const withImage = (change: Partial<InstanceSpec['spec']['image']>): InstanceSpec =>
  instanceOf({ spec: { image: { ...instanceOf().spec.image, ...change } } });
const bodyOf = (instance: InstanceSpec, defaults = CONTAINER_DEFAULTS) => createBody(instance, defaults, '10.0.0.5');

test('command and args stand for entrypoint and command, as in Kubernetes', () => {
  const both = bodyOf(withImage({ command: ['a'], args: ['b'] }));
  expect([both.Entrypoint, both.Cmd]).toEqual([['a'], ['b']]);
  const onlyArgs = bodyOf(withImage({ command: [], args: ['b'] }));
  expect(onlyArgs).not.toHaveProperty('Entrypoint');
  expect(onlyArgs.Cmd).toEqual(['b']);
  const neither = bodyOf(withImage({ command: [], args: [] }));
  expect(neither).not.toHaveProperty('Entrypoint');
  expect(neither).not.toHaveProperty('Cmd');
});

test('reserved variables stay out, and ours cannot be overridden', () => {
  const image = {
    ...instanceOf().spec.image,
    environment: { LONGSHORE_GPU_COUNT: '2', PORT: '9000', NVIDIA_VISIBLE_DEVICES: 'all', NAME: 'a=b' },
  };
  expect(bodyOf(instanceOf({ spec: { image, runtime: 'HTTP' } })).Env).toEqual([
    'NAME=a=b',
    'NVIDIA_VISIBLE_DEVICES=void',
    'PORT=8080',
  ]);
  expect(bodyOf(instanceOf({ spec: { image, runtime: 'PROCESS' }, gpuUuids: GPUS })).Env).toEqual([
    'NAME=a=b',
    'NVIDIA_VISIBLE_DEVICES=GPU-b,GPU-a',
    'PORT=9000',
  ]);
});

test('devices are named by UUID, never counted', () => {
  const { HostConfig, Labels } = bodyOf(instanceOf({ gpuUuids: GPUS }));
  expect(HostConfig.DeviceRequests).toEqual([
    { Driver: 'nvidia', DeviceIDs: GPUS, Capabilities: [['gpu', 'compute', 'utility']] },
  ]);
  expect(Labels['longshore.gpus']).toBe('GPU-b,GPU-a');
  expect(HostConfig.Ulimits.map((limit) => limit.Name)).toEqual(['stack']);
  const raised = bodyOf(instanceOf({ gpuUuids: GPUS }), { ...CONTAINER_DEFAULTS, raiseMemlock: true });
  expect(raised.HostConfig.Ulimits).toContainEqual({ Name: 'memlock', Soft: -1, Hard: -1 });
  expect(bodyOf(instanceOf()).HostConfig).toMatchObject({ DeviceRequests: [], Ulimits: [] });
});

test('limits are set only where they were asked for', () => {
  const { HostConfig } = bodyOf(instanceOf({ spec: { resources: { memory: 1024, cores: 2, coreFraction: 50 } } }));
  expect(HostConfig).toMatchObject({ Memory: 1024, MemorySwap: 1024, NanoCpus: 1_000_000_000 });
  const none = bodyOf(instanceOf()).HostConfig;
  for (const limit of ['Memory', 'MemorySwap', 'NanoCpus', 'ShmSize']) expect(none).not.toHaveProperty(limit);
  const onlyCores = bodyOf(instanceOf({ spec: { resources: { memory: 0, cores: 1, coreFraction: 100 } } })).HostConfig;
  expect(onlyCores).not.toHaveProperty('Memory');
  expect(onlyCores.NanoCpus).toBe(1_000_000_000);
});

test('nothing that opens the host is ever asked for', () => {
  const body = JSON.stringify(bodyOf(instanceOf({ gpuUuids: GPUS, port: 40_000 })));
  for (const word of ['Privileged', 'Binds', 'Mounts', 'PidMode', 'IpcMode', 'NET_RAW', 'MKNOD', 'SYS_ADMIN'])
    expect(body).not.toContain(word);
  expect(bodyOf(instanceOf()).HostConfig).toMatchObject({
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    RestartPolicy: { Name: 'no' },
    NetworkMode: 'longshore-89abcdefg'.replace('89abcdefg', PLANE.slice(-12)),
  });
});

test('a port is published on the address of the host alone', () => {
  const published = bodyOf(instanceOf({ port: 40_000 }));
  expect(published.HostConfig.PortBindings).toEqual({ '8080/tcp': [{ HostIp: '10.0.0.5', HostPort: '40000' }] });
  expect(published.ExposedPorts).toEqual({ '8080/tcp': {} });
  expect(bodyOf(instanceOf()).HostConfig.PortBindings).toEqual({});
});

describe('the hash of a spec', () => {
  const hash = specHash(instanceOf());

  test('is the same for the same spec, in whatever order it was written', () => {
    const environment = { B: '2', A: '1' };
    expect(specHash(withImage({ environment }))).toBe(specHash(withImage({ environment: { A: '1', B: '2' } })));
    expect(specHash(instanceOf({ gpuUuids: ['x', 'y'] })).length).toBe(32);
    expect(hash).toMatch(/^[0-9a-f]{32}$/);
    expect(specHash(newInstance(PLANE, IMAGE))).toBe(hash);
  });

  test('does not depend on what Docker does not fix', () => {
    expect(specHash(instanceOf({ spec: { concurrency: 5, executionTimeoutMs: 1 } }))).toBe(hash);
    expect(specHash(instanceOf({ name: 'ls-other-f9' }))).toBe(hash);
    expect(specHash(instanceOf({ address: '10.0.0.9' }))).toBe(hash);
  });

  test('tells apart whatever Docker fixes', () => {
    const others = [
      newInstance(PLANE, `sha256:${'2'.repeat(64)}`),
      withImage({ command: ['x'] }),
      withImage({ args: ['x'] }),
      withImage({ workingDir: '/x' }),
      withImage({ environment: { COLOUR: 'blue' } }),
      instanceOf({ spec: { shmSize: 1 } }),
      instanceOf({ spec: { runtime: 'HTTP' } }),
      instanceOf({ spec: { resources: { memory: 1, cores: 1, coreFraction: 100 } } }),
      instanceOf({ spec: { resources: { memory: 1, cores: 1, coreFraction: 50 } } }),
      instanceOf({ gpuUuids: ['GPU-a'] }),
      instanceOf({ gpuUuids: ['GPU-b'] }),
      instanceOf({ port: 1 }),
      instanceOf({ port: 2 }),
      instanceOf({ port: 2, address: '10.0.0.9' }),
    ];
    expect(new Set([hash, ...others.map(specHash)]).size).toBe(others.length + 1);
  });
});
