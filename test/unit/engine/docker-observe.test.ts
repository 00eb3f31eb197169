import { identityOf, observe } from '../../../src/engine/docker-observe.js';
import { CONTAINER_DEFAULTS, createBody, specHash } from '../../../src/engine/docker-spec.js';
import { newInstance } from '../../support/contract/engine-contract.js';

const PLANE = 'bbp0123456789abcdefg';
const IMAGE = `sha256:${'1'.repeat(64)}`;
const instance = newInstance(PLANE, IMAGE, { port: 40_000, gpuUuids: ['GPU-a', 'GPU-b'] });

/** As an engine shows what it was told, in the state that is given. */
function inspectOf(state: object = { Status: 'running' }, name = instance.name): object {
  const { Labels, HostConfig } = createBody(instance, CONTAINER_DEFAULTS, instance.address);
  return { Id: 'abc', Name: `/${name}`, Image: IMAGE, Config: { Labels }, HostConfig, State: state };
}

test('what was created is what is observed', () => {
  expect(observe(inspectOf({ Status: 'running', StartedAt: 'then' }), PLANE)).toEqual({
    dockerId: 'abc',
    name: instance.name,
    identity: instance.identity,
    fence: 1,
    specHash: specHash(instance),
    state: 'RUNNING',
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt: 'then',
    health: null,
    imageId: IMAGE,
    gpuUuids: ['GPU-a', 'GPU-b'],
    port: 40_000,
  });
});

test('how it ended', () => {
  const state = { Status: 'exited', ExitCode: 137, OOMKilled: true, Error: `no  ${'x'.repeat(500)}` };
  const observed = observe(inspectOf(state), PLANE);
  expect(observed).toMatchObject({ state: 'EXITED', exitCode: 137, oomKilled: true });
  expect(observed?.error).toHaveLength(300);
});

test.each([
  ['created', 'CREATED'],
  ['paused', 'PAUSED'],
  ['restarting', 'RESTARTING'],
  ['removing', 'REMOVING'],
  ['dead', 'DEAD'],
  ['something-new', 'RUNNING'],
])('state %s', (status, state) => {
  expect(observe(inspectOf({ Status: status }), PLANE)?.state).toBe(state);
});

test.each([
  ['starting', 'STARTING'],
  ['healthy', 'HEALTHY'],
  ['unhealthy', 'UNHEALTHY'],
  ['none', null],
])('health %s', (status, health) => {
  expect(observe(inspectOf({ Status: 'running', Health: { Status: status } }), PLANE)?.health).toBe(health);
});

test('a fence comes from a name of ours alone', () => {
  const { instanceId } = instance.identity;
  expect(observe(inspectOf({}, `ls-${instanceId}-f12`), PLANE)?.fence).toBe(12);
  for (const name of ['by-hand', `ls-${instanceId}-f`, `ls-${instanceId}-fx`, 'ls-bbi0-f3'])
    expect(observe(inspectOf({}, name), PLANE)?.fence).toBe(0);
});

test('what is not ours, or is no container at all, is not observed', () => {
  expect(observe(inspectOf(), 'bbpother')).toBeNull();
  for (const junk of [null, 'text', [], {}, { Config: null }, { Config: { Labels: null } }])
    expect(observe(junk, PLANE)).toBeNull();
  const labels = { 'longshore.control-plane': PLANE, 'longshore.container': 'c', 'longshore.instance': 'i' };
  expect(identityOf(labels, PLANE)).toBeNull();
  expect(identityOf({ ...labels, 'longshore.ordinal': '0', 'longshore.generation': 'x' }, PLANE)).toBeNull();
});
