import type { InstanceSpec } from '../../../src/engine/driver.js';
import { EngineError } from '../../../src/engine/driver.js';
import { createMemoryHost, type MemoryHost } from '../../../src/engine/memory-driver.js';
import type { ProcessBehaviour } from '../../../src/engine/memory-engine.js';
import { engineContract, FAILS, kindOf, newId, newInstance, seen } from '../../support/contract/engine-contract.js';

const IMAGE = 'longshore/busybox:latest';

/** Plays the few programs that the contract runs. */
function behaviour(instance: InstanceSpec): ProcessBehaviour {
  const { command } = instance.spec.image;
  if (command === FAILS) return { exits: 3, output: 'first\nsecond\n' };
  return command[0] === 'sh' ? { output: 'up\n' } : { exits: 127, output: `exec ${command[0]} failed\n` };
}

function newHost(timeoutMs?: number): MemoryHost {
  const host = createMemoryHost({ host: 'memory-1', now: () => 0, behaviour, ...(timeoutMs && { timeoutMs }) });
  host.addImage(IMAGE);
  return host;
}

describe('the contract of an engine', () => {
  engineContract(async () => {
    const host = newHost();
    const controlPlaneId = newId('controlPlane');
    const otherControlPlaneId = newId('controlPlane');
    let port = 40_000;
    return {
      driver: host.driver(controlPlaneId),
      controlPlaneId,
      otherDriver: host.driver(otherControlPlaneId),
      otherControlPlaneId,
      image: IMAGE,
      gpuUuids: ['GPU-a', 'GPU-b'],
      freePort: () => Promise.resolve(port++),
    };
  });
});

describe('an engine that hangs', () => {
  test('runs what it was sent when it resumes, though the sender has given up', async () => {
    const host = newHost(20);
    const controlPlaneId = newId('controlPlane');
    const driver = host.driver(controlPlaneId);
    const image = await driver.findImage(IMAGE);
    const instance = newInstance(controlPlaneId, image?.id ?? '');
    host.suspend();
    expect(await kindOf(driver.create(instance))).toBe('UNKNOWN_OUTCOME');
    expect(await kindOf(driver.list({}))).toBe('UNREACHABLE');
    host.resume();
    expect((await seen(driver, instance)).state).toBe('CREATED');
  });

  test('a planned fault strikes once, before the call does anything', async () => {
    const host = newHost();
    const controlPlaneId = newId('controlPlane');
    const driver = host.driver(controlPlaneId);
    host.failNext('ensureNetwork', new EngineError('TRANSIENT', 'memory-1', 'disk full'));
    expect(await kindOf(driver.ensureNetwork())).toBe('TRANSIENT');
    expect(host.engine.networks.size).toBe(0);
    expect(await kindOf(driver.ensureNetwork())).toBe('NONE');
    expect(host.calls).toEqual(['ensureNetwork', 'ensureNetwork']);
  });
});

test('a start that the engine refuses says why, and leaves a container that can be removed', async () => {
  const host = createMemoryHost({ host: 'memory-1', behaviour: () => ({ startError: 'no such device' }) });
  const image = host.addImage(IMAGE);
  const controlPlaneId = newId('controlPlane');
  const driver = host.driver(controlPlaneId);
  const instance = newInstance(controlPlaneId, image.id);
  await driver.ensureNetwork();
  await driver.create(instance);
  expect(await kindOf(driver.start(instance.name))).toBe('PERMANENT');
  expect(await seen(driver, instance)).toMatchObject({ state: 'CREATED', exitCode: 128, error: 'no such device' });
  await driver.remove(instance.name);
  expect(await driver.list({})).toEqual([]);
});

test('pulls what is published, with progress, and nothing else', async () => {
  const host = newHost();
  const driver = host.driver(newId('controlPlane'));
  const published = host.publish('registry.example/app:1', { digest: `sha256:${'a'.repeat(64)}` });
  const bytes: number[] = [];
  const options = { stallMs: 1000, onProgress: (at: { bytesDone: number }) => bytes.push(at.bytesDone) };
  expect(await driver.pull('registry.example/app:1', options)).toEqual(published);
  expect(bytes).toEqual(bytes.toSorted((left, right) => left - right));
  expect(await driver.findImage('registry.example/app:1')).toEqual(published);
  expect(await kindOf(driver.pull('registry.example/app:2', options))).toBe('PERMANENT');
});
