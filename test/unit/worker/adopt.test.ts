import { type InstanceSpec, instanceName } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { createOrAdopt } from '../../../src/worker/apply/adopt.js';
import { newInstance } from '../../support/contract/engine-contract.js';

const signal = new AbortController().signal;

function stand() {
  const host = createMemoryHost({ host: 'h1' });
  const image = host.addImage('app');
  const wanted = newInstance('plane', image.id);
  return { host, driver: host.driver('plane'), wanted };
}

const ids = async ({ driver }: ReturnType<typeof stand>) => (await driver.list({})).map(({ dockerId }) => dockerId);

test('a create whose answer was lost is found to be done', async () => {
  const all = stand();
  await all.driver.create(all.wanted);
  const before = await ids(all);
  await createOrAdopt(all.driver, all.wanted, signal);
  expect(await ids(all)).toEqual(before);
});

test.each<[string, (wanted: InstanceSpec) => Partial<InstanceSpec>]>([
  ['of another operation', ({ identity }) => ({ identity: { ...identity, operationId: 'another' } })],
  ['of another generation', ({ identity }) => ({ identity: { ...identity, generation: identity.generation + 1 } })],
  ['of another revision', ({ identity }) => ({ identity: { ...identity, revisionId: 'another' } })],
  ['with another port', () => ({ port: 40_001 })],
  ['with other devices', () => ({ gpuUuids: ['GPU-1'] })],
])('what is ours but %s is replaced', async (_what, part) => {
  const all = stand();
  await all.driver.create({ ...all.wanted, ...part(all.wanted) });
  const [before] = await ids(all);
  await createOrAdopt(all.driver, all.wanted, signal);
  const seen = await all.driver.list({});
  expect(seen.map(({ identity }) => identity)).toEqual([all.wanted.identity]);
  expect(seen.map(({ dockerId }) => dockerId)).not.toContain(before);
});

test("somebody else's container under the name is left alone and named", async () => {
  const all = stand();
  const name = instanceName(all.wanted.identity.instanceId, 1);
  const foreign = { ...all.wanted, name, identity: { ...all.wanted.identity, controlPlaneId: 'other' } };
  await all.host.driver('other').create(foreign);
  const creating = createOrAdopt(all.driver, { ...all.wanted, name }, signal);
  await expect(creating).rejects.toMatchObject({ kind: 'PERMANENT', message: expect.stringContaining(name) });
  expect(await all.host.driver('other').list({})).toHaveLength(1);
});
