import { existsSync, readdirSync } from 'node:fs';
import Docker from 'dockerode';
import { type Host, type Hosts, startHosts } from '../support/hosts/hosts.js';
import { http } from '../support/http.js';
import { freePort } from '../support/ports.js';
import { startRegistry } from '../support/registry.js';
import { until } from '../support/until.js';

let hosts: Hosts;
let host: Host;
let other: Host;

beforeAll(async () => {
  hosts = await startHosts({ count: 2, gpus: 2, liveRestore: true });
  const [first, second] = hosts;
  if (first === undefined || second === undefined) throw new Error('two hosts were asked for');
  host = first;
  other = second;
  await Promise.all(hosts.map((each) => each.images('busybox')));
});

afterAll(async () => {
  const namespaces = hosts.map((each) => each.netns);
  await hosts.stopAll();
  const left = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  if (left.some((name) => namespaces.includes(name))) throw new Error(`namespaces were left: ${left.join(' ')}`);
});

const overTls = (of: Host) =>
  new Docker({ protocol: 'https', host: of.address, port: 2376, ...of.pem, timeout: 2_000 });

test('hosts are different engines, reached by TLS with a client certificate only', async () => {
  const ids = await Promise.all(hosts.map(async (each) => (await overTls(each).info()).ID));
  expect(new Set(ids).size).toBe(2);
  const stranger = new Docker({ protocol: 'https', host: host.address, port: 2376, ca: host.pem.ca, timeout: 2_000 });
  await expect(stranger.info()).rejects.toThrow();
});

test('a container gets exactly the GPUs it asks for', async () => {
  const uuid = host.gpuUuids[1] ?? '';
  const container = await overTls(host).createContainer({
    Image: 'longshore/busybox',
    Cmd: ['sleep', '1000'],
    HostConfig: {
      DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: [uuid], Capabilities: [['gpu', 'compute', 'utility']] }],
    },
  });
  await container.start();
  expect(host.gpusSeen(container.id)).toEqual([uuid]);
  const seen = await host.docker(
    'exec',
    container.id,
    'nvidia-smi',
    '--query-gpu=uuid,memory.total',
    '--format=csv,noheader',
  );
  expect(seen).toBe(`${uuid}, 143771 MiB`);
  await container.remove({ force: true });
});

test('a GPU of another host, and a broken driver, refuse the start', async () => {
  const run = (uuid: string) => host.docker('run', '--rm', '--gpus', `"device=${uuid}"`, 'longshore/busybox', 'true');
  await expect(run(other.gpuUuids[0] ?? '')).rejects.toThrow('unknown device');
  host.failGpus('nvml error: driver not loaded');
  await expect(run(host.gpuUuids[0] ?? '')).rejects.toThrow('driver not loaded');
  host.failGpus(undefined);
  await expect(run(host.gpuUuids[0] ?? '')).resolves.toBe('');
});

test('a host that hangs, and one that is cut off, answer nothing until they are mended', async () => {
  await host.stop();
  await expect(overTls(host).ping()).rejects.toThrow();
  await expect(overTls(other).ping()).resolves.toBeDefined();
  await host.cont();
  await until('the host answers again', () => overTls(host).ping());

  await other.cut();
  await expect(overTls(other).ping()).rejects.toThrow();
  await other.heal();
  expect(await until('the host answers again', () => overTls(other).ping())).toBeDefined();
});

test('containers survive the death of their engine under live restore, and none survives a power failure', async () => {
  const id = await host.docker('run', '-d', 'longshore/busybox', 'sleep', '1000');
  const state = () => host.docker('inspect', '--format', '{{.State.Running}} {{.State.Pid}}', id);
  const before = await state();
  await host.kill();
  await expect(host.docker('version')).rejects.toThrow();
  await host.start();
  expect(await state()).toBe(before);
  await host.crash();
  await host.start();
  expect(await state()).toBe('false 0');
});

test('a registry with credentials takes and gives images', async () => {
  const registry = await startRegistry(host.gateway);
  try {
    const image = `${registry.name}/team/tools:1`;
    await host.docker('tag', 'longshore/busybox', image);
    await expect(host.docker('push', image)).rejects.toThrow('no basic auth credentials');
    const config = ['--config', registry.dockerConfigDir];
    await host.docker(...config, 'push', image);
    await host.docker('rmi', image);
    await host.docker(...config, 'pull', image);
    const digests = await host.docker('image', 'inspect', '--format', '{{json .RepoDigests}}', image);
    expect(digests).toContain(`${registry.name}/team/tools@sha256:`);
  } finally {
    await registry.stop();
  }
});

test('a published port answers at the address of its host', async () => {
  const port = String(await freePort());
  const serve = ['httpd', '-f', '-p', '80', '-h', '/etc'];
  const id = await other.docker('run', '-d', '-p', `${other.address}:${port}:80`, 'longshore/busybox', ...serve);
  const answer = await until('the port answers', () => http(`http://${other.address}:${port}/group`));
  expect(answer.body).toContain('root');
  await other.docker('rm', '-f', id);
});
