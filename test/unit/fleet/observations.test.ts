import { EngineError } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { createObservations } from '../../../src/fleet/observations.js';
import { newId, newInstance } from '../../support/contract/engine-contract.js';

async function setUp() {
  let time = 0;
  const plane = newId('controlPlane');
  const host = createMemoryHost({ host: 'gpu-1' });
  const image = host.addImage('app:1');
  const driver = host.driver(plane);
  const instance = newInstance(plane, image.id);
  await driver.create(instance);
  const observations = createObservations(
    { ready: () => Promise.resolve(driver), forget: () => undefined },
    () => time,
  );
  const lists = () => host.calls.filter((call) => call.startsWith('list')).length;
  const later = (ms: number) => {
    time += ms;
  };
  return { host, driver, instance, observations, lists, later };
}

test('shows all of ours on a host by their container', async () => {
  const { observations, instance } = await setUp();
  const found = await observations.observe('gpu-1', new AbortController().signal);
  expect([...found.keys()]).toEqual([instance.identity.containerId]);
  expect(found.get(instance.identity.containerId)).toMatchObject([{ name: instance.name, state: 'CREATED' }]);
});

test('what was seen of late is not asked for again, and asked for once by all who need it anew', async () => {
  const { observations, lists, later } = await setUp();
  await observations.observe('gpu-1', new AbortController().signal);
  await observations.recent('gpu-1', 1_000);
  expect(lists()).toBe(1);
  later(1_001);
  await Promise.all([observations.recent('gpu-1', 1_000), observations.recent('gpu-1', 1_000)]);
  expect(lists()).toBe(2);
});

test('a host that fails to answer is asked again by the next one', async () => {
  const { observations, host, lists } = await setUp();
  host.failNext('list', new EngineError('UNREACHABLE', 'gpu-1', 'no answer'));
  await expect(observations.recent('gpu-1', 1_000)).rejects.toThrow('no answer');
  expect((await observations.recent('gpu-1', 1_000)).size).toBe(1);
  expect(lists()).toBe(2);
});
