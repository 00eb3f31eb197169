import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createDockerDriver, type DockerDriver } from '../../../src/engine/docker-driver.js';
import { type EngineEndpoint, parseEndpoint } from '../../../src/engine/docker-endpoint.js';
import type { CallTimeouts } from '../../../src/engine/docker-scope.js';
import type { EngineEvent } from '../../../src/engine/driver.js';
import { kindOf, newId, newInstance, seen } from '../../support/contract/engine-contract.js';
import { type Host, type Hosts, startHosts } from '../../support/hosts/hosts.js';
import { freePort } from '../../support/ports.js';
import { until } from '../../support/until.js';

const IMAGE = 'longshore/busybox:latest';
const controlPlaneId = newId('controlPlane');
const open: DockerDriver[] = [];
let hosts: Hosts;
let host: Host;
let driver: DockerDriver;

/** For calls that are known to get no answer. */
const HASTY = { ping: 500, read: 500, change: 500, slow: 500, stopMargin: 500 };

function connect(endpoint: EngineEndpoint, timeouts?: CallTimeouts): DockerDriver {
  const credentials = () => Promise.resolve(null);
  const made = createDockerDriver({
    host: 'gpu-1',
    endpoint,
    controlPlaneId,
    credentials,
    ...(timeouts && { timeouts }),
  });
  open.push(made);
  return made;
}

function tlsOf(paths: Host['tls']) {
  const read = (path: string) => readFileSync(path, 'utf8');
  return { ca: read(paths.ca), cert: read(paths.cert), key: read(paths.key) };
}

beforeAll(async () => {
  hosts = await startHosts({ count: 1, gpus: 1, liveRestore: true });
  const [first] = hosts;
  if (first === undefined) throw new Error('no host was started');
  host = first;
  await host.images('busybox');
  driver = connect(parseEndpoint(host.tcpEndpoint, tlsOf(host.tls)));
  await driver.ensureNetwork();
});

afterAll(async () => {
  for (const made of open) made.close();
  await hosts?.stopAll();
});

async function newStarted() {
  const image = await driver.findImage(IMAGE);
  const instance = newInstance(controlPlaneId, image?.id ?? '');
  await driver.create(instance);
  await driver.start(instance.name);
  return instance;
}

describe('over tcp with TLS', () => {
  test('the whole life of an instance, with a port on the address of its host', async () => {
    const image = await driver.findImage(IMAGE);
    const spec = { port: 45_000, address: host.address, gpuUuids: host.gpuUuids };
    const instance = newInstance(controlPlaneId, image?.id ?? '', spec);
    await driver.create(instance);
    await driver.start(instance.name);
    expect(await seen(driver, instance)).toMatchObject({ state: 'RUNNING', port: 45_000, gpuUuids: host.gpuUuids });
    expect(await host.docker('port', instance.name)).toContain(`${host.address}:45000`);
    await driver.remove(instance.name);
  });

  test('an engine of another authority is not spoken to', async () => {
    const self = tlsOf(host.tls);
    const stranger = connect(parseEndpoint(host.tcpEndpoint, { ...self, ca: self.cert }));
    expect(await kindOf(stranger.start('ls-bbi1-f1'))).toBe('UNREACHABLE');
  });
});

describe('an engine that hangs', () => {
  afterEach(() => host.cont());

  test('a change has an unknown outcome, and may happen when the engine wakes', async () => {
    const hasty = connect(parseEndpoint(host.endpoint, null), HASTY);
    const instance = await newStarted();
    await host.stop();
    expect(await kindOf(hasty.stop(instance.name, 0))).toBe('UNKNOWN_OUTCOME');
    expect(await kindOf(hasty.list({}))).toBe('UNREACHABLE');
    await host.cont();
    await until('the late stop has run', async () => (await seen(driver, instance)).state === 'EXITED');
    await driver.remove(instance.name);
  });

  test('a change over TLS to an engine that takes no connection was never sent', async () => {
    const fresh = connect(parseEndpoint(host.tcpEndpoint, tlsOf(host.tls)));
    await host.stop();
    expect(await kindOf(fresh.start('ls-bbi1-f1'))).toBe('UNREACHABLE');
  });

  test('after a rename, a late call by the former name misses', async () => {
    const hasty = connect(parseEndpoint(host.endpoint, null), HASTY);
    const instance = await newStarted();
    const newName = `${instance.name}2`;
    await driver.rename(instance.name, newName);
    await host.stop();
    expect(await kindOf(hasty.stop(instance.name, 0))).toBe('UNKNOWN_OUTCOME');
    await host.cont();
    await until('the engine answers', () => driver.ping().then(() => true));
    expect(await kindOf(driver.stop(instance.name, 0))).toBe('NOT_FOUND');
    expect(await seen(driver, instance)).toMatchObject({ name: newName, state: 'RUNNING' });
    await driver.remove(newName);
  });

  test('a call ends at once when its caller leaves', async () => {
    await host.stop();
    const slow = connect(parseEndpoint(host.endpoint, null));
    const leave = new AbortController();
    const listing = kindOf(slow.list({}, leave.signal));
    leave.abort();
    expect(await listing).toBe('UNREACHABLE');
  });
});

describe('an engine that is not there', () => {
  test('nothing was sent, whatever the reason', async () => {
    const absent = connect({ kind: 'unix', path: '/nonexistent/docker.sock' });
    const closed = connect(parseEndpoint(`tcp://127.0.0.1:${await freePort()}`, null));
    const nameless = connect({ kind: 'tcp', host: 'gpu-1.invalid', port: 2375, tls: null });
    for (const gone of [absent, closed, nameless]) {
      expect(await kindOf(gone.ping())).toBe('UNREACHABLE');
      expect(await kindOf(gone.start('ls-bbi1-f1'))).toBe('UNREACHABLE');
    }
    await expect(absent.ping()).rejects.toThrow(/^ping: .*ENOENT/);
  });

  test('one that dies while it works leaves changes unknown, and is UNREACHABLE to reads', async () => {
    const dying = await listening((socket) => socket.once('data', () => socket.destroy()));
    const gone = connect(dying.endpoint);
    expect(await kindOf(gone.ping())).toBe('UNREACHABLE');
    expect(await kindOf(gone.start('ls-bbi1-f1'))).toBe('UNKNOWN_OUTCOME');
    dying.server.close();
  });

  test('an answer that breaks off in its middle is no answer', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{';
    const breaking = await listening((socket) => socket.once('data', () => socket.end(half)));
    const signal = AbortSignal.timeout(500);
    expect(await kindOf(connect(breaking.endpoint).list({}, signal))).toBe('UNREACHABLE');
    breaking.server.close();
  });

  test('one that was killed answers again when it is back, and its containers with it', async () => {
    const instance = await newStarted();
    const end = new AbortController();
    const events: EngineEvent[] = [];
    const reading = (async () => {
      for await (const event of driver.events(end.signal)) events.push(event);
    })();
    await host.kill();
    expect(await kindOf(reading)).toBe('UNREACHABLE');
    expect(await kindOf(driver.ping())).toBe('UNREACHABLE');
    await host.start();
    await until('the engine answers', () => driver.ping().then(() => true));
    expect((await seen(driver, instance)).state).toBe('RUNNING');
    await driver.remove(instance.name);
  });
});

/** A server in the place of an engine. */
async function listening(
  onSocket: Parameters<typeof createServer>[1],
): Promise<{ server: Server; endpoint: EngineEndpoint }> {
  const port = await freePort();
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, endpoint: parseEndpoint(`tcp://127.0.0.1:${port}`, null) };
}
