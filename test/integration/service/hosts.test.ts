import { CALL_TIMEOUTS } from '../../../src/engine/docker-scope.js';
import { type Host, type Hosts, startHosts } from '../../support/hosts/hosts.js';
import { failureOf, progressOf, refusalOf } from '../../support/operation-view.js';
import { call, type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const GIB = 1024n * 1024n * 1024n;

/** Few enough seconds that an engine that hangs is soon found out, and enough for one that is merely slow. */
const seams = { callTimeouts: { ...CALL_TIMEOUTS, ping: 2_000, read: 8_000 } };
const env = { LONGSHORE_UNREACHABLE_DEADLINE: '3s', LONGSHORE_OBSERVE_INTERVAL: '2s' };

let hosts: Hosts;
let one: Host;
let two: Host;
let service: RunningService;

beforeAll(async () => {
  hosts = await startHosts({ count: 2, gpus: 1 });
  const [first, second] = hosts;
  if (first === undefined || second === undefined) throw new Error('two hosts were asked for');
  [one, two] = [first, second];
  await Promise.all(hosts.map((host) => host.images('app', 'busybox')));
  service = await startService({ engines: hosts, env, seams });
  await until('both hosts are known', async () => {
    const refused = await refusalOf(impossible());
    return Object.values(refused.preconditions).every((reason) => reason.includes('GPU'));
  });
}, 120_000);

afterAll(async () => {
  await service?.stop(10_000);
  await hosts?.stopAll();
});

async function impossible(more: DeployDraft = { gpus: { count: 8n } }): Promise<unknown> {
  const { client } = service;
  const { id } = await client.createContainer(`impossible-${Date.now()}`);
  const answer = client.deploy(id, APP, more);
  await answer.catch(() => undefined);
  await client.succeeded(await client.delete(id));
  return answer;
}

/** A container that runs, and where. */
async function deployed(name: string, image = APP, draft: DeployDraft = {}) {
  const { client } = service;
  const { id, url } = await client.createContainer(name);
  await client.succeeded(await client.deploy(id, image, draft));
  const [instance] = (await client.container(id)).instances;
  if (instance === undefined) throw new Error(`${name} has no instance`);
  return { ...instance, url, containerId: id };
}

const deleted = async (...ids: readonly string[]) => {
  const { client } = service;
  const operations = await Promise.all(ids.map((id) => client.delete(id)));
  await Promise.all(operations.map((operation) => client.succeeded(operation)));
};

/** A container on host-1 and one on host-2; a host that has just come back is used again only once it was looked at. */
const oneOnEach = (name: string) =>
  until('each host has one', async () => {
    const pair = [await deployed(`${name}-1`), await deployed(`${name}-2`)] as const;
    const [first, second] = pair[0].host === 'host-1' ? pair : pair.toReversed();
    if (first?.host === 'host-1' && second?.host === 'host-2') return [first, second] as const;
    await deleted(...pair.map(({ containerId }) => containerId));
    return undefined;
  });

test('the host with the fewest instances comes first, and each is called at its own address', async () => {
  const first = await deployed('first');
  const second = await deployed('second');
  expect([first.host, second.host].toSorted()).toEqual(['host-1', 'host-2']);
  for (const { host, address, url } of [first, second]) {
    expect(address.split(':')[0]).toBe(host === 'host-1' ? one.address : two.address);
    expect((await call(url)).status).toBe(200);
  }
  await deleted(first.containerId, second.containerId);
});

test('GPUs by model and memory; each host has one, and the third container waits for one of them', async () => {
  const { client } = service;
  const gpus = { count: 1n, model: '*h200*', minMemory: 100n * GIB };
  const first = await deployed('gpu-1', APP, { gpus });
  const second = await deployed('gpu-2', APP, { gpus });
  expect([...first.gpuUuids, ...second.gpuUuids].toSorted()).toEqual([...one.gpuUuids, ...two.gpuUuids].toSorted());

  const third = await client.createContainer('gpu-3');
  const waiting = await client.deploy(third.id, APP, { gpus });
  const { message } = await until('it says what it waits for', async () => {
    const progress = progressOf(await client.operation(waiting.id));
    return progress.message !== '' && progress;
  });
  expect(message).toMatch(/host-1 has 0 of 1 GPUs like .*host-2 has 0 of 1 GPUs like /);
  await deleted(second.containerId);
  await client.succeeded(waiting);
  expect((await client.container(third.id)).instances[0]?.host).toBe(second.host);
  await deleted(first.containerId, third.id);
});

test.each([
  ['more GPUs than any host has', { gpus: { count: 2n } }],
  ['a model that no host has', { gpus: { count: 1n, model: 'NVIDIA B200' } }],
  ['GPUs with more memory than any has', { gpus: { count: 1n, minMemory: 200n * GIB } }],
  ['more memory than any host has', { resources: { memory: 100_000n * GIB } }],
])('%s is refused at once, host by host', async (_, draft) => {
  const refused = await refusalOf(impossible(draft));
  expect(refused).toMatchObject({ code: 9, reason: 'NO_SUITABLE_HOST' });
  expect(Object.keys(refused.preconditions).toSorted()).toEqual(['host/host-1', 'host/host-2']);
  for (const reason of Object.values(refused.preconditions)) expect(reason).toMatch(/GPU|memory/);
});

test('a host that is taken out of the hosts file is promised to nobody, and keeps what runs there', async () => {
  const [here, there] = await oneOnEach('kept');
  const again = async (engines: readonly Host[]) => {
    await service.stop(10_000);
    service = await startService({ engines, env, seams, dataDir: service.dataDir });
  };
  const known = async () => Object.keys((await refusalOf(impossible())).preconditions).toSorted();
  await again([one]);
  await until('only one host is known', async () => (await known()).join() === 'host/host-1');
  const { url } = await service.client.container(there.containerId); // the ingress has another port now
  await until('it serves', async () => (await call(url)).status === 200);

  await again([one, two]);
  await until('both are known again', async () => (await known()).join() === 'host/host-1,host/host-2');
  expect((await service.client.container(there.containerId)).instances).toMatchObject([{ id: there.id }]);
  await deleted(here.containerId, there.containerId);
});

test('an image that came from no registry runs where it is', async () => {
  await two.docker('tag', APP, 'only/here:v1');
  const [first, second] = [await deployed('there-1', 'only/here:v1'), await deployed('there-2', 'only/here:v1')];
  expect([first.host, second.host]).toEqual(['host-2', 'host-2']);
  await deleted(first.containerId, second.containerId);
});

test('another control plane does not get the engine, and says whose it is', async () => {
  const other = await startService({ engines: [one] });
  try {
    const { client } = other;
    const { id } = await client.createContainer('intruder');
    const refused = await until('the host is known', async () => {
      const answer = client.deploy(id, APP);
      const operation = await answer.catch(() => null);
      if (operation === null) return refusalOf(answer);
      await client.cancel(operation.id); // the host was not looked at yet
      return undefined;
    });
    expect(refused).toMatchObject({ code: 9, reason: 'NO_SUITABLE_HOST' });
    expect(refused.preconditions['host/host-1']).toMatch(
      /REFUSED.*belongs to another control plane.*longshore hosts adopt host-1/,
    );
    expect(await one.docker('ps', '-aq')).toBe('');
    await client.succeeded(await client.delete(id));
  } finally {
    await other.stop(10_000);
  }
});

test('an engine that hangs holds up nothing but its own host, and what needs it ends as UNAVAILABLE', async () => {
  const { client } = service;
  const [there, elsewhere] = await oneOnEach('pair');
  await one.stop();
  try {
    // Its own work waits, and ends at its deadline; the other host's goes on meanwhile.
    const stuck = await client.delete(there.containerId);
    await client.succeeded(await client.deploy(elsewhere.containerId, APP));
    const fresh = await deployed('beside');
    expect(fresh.host).toBe('host-2');
    expect((await call(there.url)).status).toBe(200); // what runs there serves on
    expect(failureOf(await client.done(stuck))).toMatchObject({ code: 14, metadata: { host: 'host-1' } });
    await deleted(fresh.containerId);
  } finally {
    await one.cont();
  }
  await until('the host is used again', async () => {
    await deleted(there.containerId);
    return true;
  });
  await deleted(elsewhere.containerId);
});

test('a host that dies takes its containers with it; deploys go to the other, and after its return it serves again', async () => {
  const [safe, lost] = await oneOnEach('mortal');
  await two.crash();
  const fresh = await deployed('afterwards');
  expect(fresh.host).toBe('host-1');
  expect((await call(safe.url)).status).toBe(200);
  await two.start();
  await until('the lost one serves again', async () => (await call(lost.url)).status === 200, 60_000);
  await deleted(lost.containerId, safe.containerId, fresh.containerId);
  for (const host of hosts) expect(await host.docker('ps', '-aq')).toBe('');
});
