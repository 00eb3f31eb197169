import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CALL_TIMEOUTS } from '../../../src/engine/docker-scope.js';
import { command } from '../../support/command.js';
import { statesOf } from '../../support/host-states.js';
import { type Host, type Hosts, startHosts } from '../../support/hosts/hosts.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
/** Few enough seconds that a host is soon known not to answer, and enough for one that is merely slow. */
const seams = { callTimeouts: { ...CALL_TIMEOUTS, ping: 2_000, read: 8_000 } };
const quick = { LONGSHORE_LOST_AFTER: '2s', LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_UNREACHABLE_DEADLINE: '3s' };

let hosts: Hosts;
let service: RunningService | undefined;
/** One control plane for all tests: the hosts are claimed by it. */
let dataDir: string;

beforeAll(async () => {
  hosts = await startHosts({ count: 2, gpus: 1 });
  const [one, two] = hosts;
  if (one === undefined || two === undefined) throw new Error('two hosts were asked for');
  // The very same image on both: what came from no registry runs where it is.
  await one.images('app');
  const copy = `docker -H ${one.endpoint} save ${APP} | docker -H ${two.endpoint} load`;
  await command('sh', ['-c', copy], { env: { DOCKER_TLS_VERIFY: '', DOCKER_CONTEXT: '' } });
  dataDir = newDirectory('data');
}, 120_000);

afterEach(async () => {
  await service?.stop(10_000);
});

afterAll(async () => {
  await hosts?.stopAll();
});

/** A container with a GPU that serves, and its two hosts: where it is, and the other one. */
async function deployed({ client }: RunningService, name: string) {
  const { id, url } = await client.createContainer(name);
  await client.succeeded(await client.deploy(id, APP, { gpus: { count: 1n } }));
  const [instance] = (await client.container(id)).instances;
  const at = instance?.host === 'host-1' ? 0 : 1;
  const [here, there] = [hosts[at], hosts[1 - at]];
  if (instance === undefined || here === undefined || there === undefined) throw new Error(`${name} is nowhere`);
  return { id, url, instance, here, there, elsewhere: at === 0 ? 'host-2' : 'host-1' };
}

const running = (host: Host): Promise<string> => host.docker('ps', '-q');
const all = (host: Host): Promise<string> => host.docker('ps', '-aq');

test('what served on a lost host is moved; the host is cleaned before it is used again, and has its GPU back then', async () => {
  service = await startService({
    engines: hosts,
    dataDir,
    env: { ...quick, LONGSHORE_LOST_HOST_POLICY: 'move' },
    seams,
  });
  const { client } = service;
  const { id, url, instance, here, elsewhere } = await deployed(service, 'moving');
  const before = statesOf(service, instance.host).length;
  await here.stop();
  try {
    // Its engine says nothing, but it runs: its GPU is not free, whatever becomes of it.
    await until(
      'it was moved',
      async () => {
        const { instances } = await client.container(id);
        return instances.some((one) => one.host === elsewhere && one.id !== instance.id && one.address !== '');
      },
      60_000,
    );
    await until('it serves', async () => (await call(url)).status === 200, 60_000);
    const former = (await client.container(id)).instances.find((one) => one.id === instance.id);
    expect(former).toMatchObject({ host: instance.host, gpuUuids: instance.gpuUuids });
    expect(former?.message).toMatch(new RegExp(`${instance.host} was lost.*replaced on ${elsewhere}`));
  } finally {
    await here.cont();
  }
  await until('the host is clean', async () => (await all(here)) === '', 60_000);
  const started = service;
  await until('the host is up again', () => statesOf(started, instance.host).at(-1) === 'UP', 60_000);
  // Whether it is seen to return depends on who is faster: its own look, or its container's work that cleans it.
  const passed = statesOf(service, instance.host).slice(before);
  expect(passed.filter((state) => state !== 'RETURNING')).toEqual(['UNREACHABLE', 'LOST', 'UP']);
  expect(await all(here)).toBe('');
  expect((await client.container(id)).instances).toMatchObject([{ host: elsewhere }]);
  expect((await call(url)).status).toBe(200);

  // Both GPUs are leased as they should be: the free one is taken, and by nobody twice.
  const second = await deployed(service, 'second');
  expect(second.instance).toMatchObject({ host: instance.host, gpuUuids: instance.gpuUuids });
  await client.succeeded(await client.delete(second.id));
  await client.succeeded(await client.delete(id));
}, 300_000);

test('by default it waits for its host, and serves again with it', async () => {
  service = await startService({ engines: hosts, dataDir, env: quick, seams });
  const { client } = service;
  const { id, url, instance, here } = await deployed(service, 'waiting');
  await here.crash();
  const started = service;
  await until('the host is lost', () => statesOf(started, instance.host).at(-1) === 'LOST', 60_000);
  expect((await client.container(id)).instances).toMatchObject([{ id: instance.id, host: instance.host }]);
  await here.start();
  await until('it serves again', async () => (await call(url)).status === 200, 60_000);
  expect((await client.container(id)).instances).toMatchObject([{ id: instance.id, host: instance.host }]);
  await until('the host is up again', () => statesOf(started, instance.host).at(-1) === 'UP', 60_000);
  expect(await running(here)).not.toBe('');
  await client.succeeded(await client.delete(id));
}, 300_000);

test('by default too it is left where somebody has marked its host as gone: nothing is held for it there any more', async () => {
  service = await startService({ engines: hosts, dataDir, env: quick, seams });
  const { id, instance, here, elsewhere } = await deployed(service, 'burnt');
  await here.crash();
  try {
    await service.stop(10_000);
    const configured = z.object({ hosts: z.array(z.looseObject({ name: z.string() })) });
    const file = configured.parse(JSON.parse(readFileSync(join(dataDir, 'hosts.yaml'), 'utf8')));
    const marked = file.hosts.map((host) => (host.name === instance.host ? { ...host, gone: true } : host));
    const hostsFile = join(newDirectory('hosts'), 'hosts.yaml');
    writeFileSync(hostsFile, JSON.stringify({ hosts: marked }));
    service = await startService({
      engines: hosts,
      dataDir,
      env: { ...quick, LONGSHORE_HOSTS_FILE: hostsFile },
      seams,
    });
    const { client } = service;
    await until(
      'nothing is left of it there',
      async () => (await client.container(id)).instances.every(({ host }) => host === elsewhere),
      60_000,
    );
    const { url } = await client.container(id);
    await until('it serves', async () => (await call(url)).status === 200, 60_000);
    await client.succeeded(await client.delete(id));
  } finally {
    await here.start();
  }
}, 300_000);

test('what served with a GPU that its host has lost is replaced where there is another, and that host is cleaned', async () => {
  service = await startService({ engines: hosts, dataDir, env: quick, seams });
  const { client } = service;
  const { id, url, instance, here, there, elsewhere } = await deployed(service, 'unplugged');
  const { id: other } = await client.createContainer('in-the-way');
  await client.succeeded(await client.deploy(other, APP, { gpus: { count: 1n } }));
  here.loseGpus();
  try {
    await here.docker('kill', await running(here));
    const message = async () => (await client.container(id)).statusMessage;
    await until('it says what it lacks', async () => /lost a GPU.*no room for another/.test(await message()), 60_000);
    await client.succeeded(await client.delete(other));
    await until('it serves elsewhere', async () => (await call(url)).status === 200, 60_000);
    await until('the host is clean', async () => (await all(here)) === '', 60_000);
    expect((await client.container(id)).instances).toMatchObject([{ host: elsewhere }]);
    expect(await running(there)).not.toBe('');
  } finally {
    here.findGpus();
  }
  // The GPU is free again, and nobody else's.
  const second = await deployed(service, 'plugged');
  expect(second.instance).toMatchObject({ host: instance.host, gpuUuids: instance.gpuUuids });
  for (const one of [id, second.id]) await client.succeeded(await client.delete(one));
}, 300_000);
