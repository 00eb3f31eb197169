import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerConfigCredentials } from '../../../src/engine/docker-auth.js';
import { createDockerDriver, type DockerDriver } from '../../../src/engine/docker-driver.js';
import { parseEndpoint } from '../../../src/engine/docker-endpoint.js';
import { kindOf, newId, newInstance, seen } from '../../support/contract/engine-contract.js';
import { ownEngine } from '../../support/engine.js';
import { freePort } from '../../support/ports.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type Registry, startRegistry } from '../../support/registry.js';
import { until } from '../../support/until.js';

let engine: PrivateEngine;
let registry: Registry;
let reference: string;
const open: DockerDriver[] = [];

function connect(configPath: string): DockerDriver {
  const driver = createDockerDriver({
    host: 'gpu-1',
    endpoint: parseEndpoint(engine.endpoint, null),
    controlPlaneId: newId('controlPlane'),
    credentials: dockerConfigCredentials(configPath),
  });
  open.push(driver);
  return driver;
}

const loggedIn = () => connect(join(registry.dockerConfigDir, 'config.json'));

/** A pull that a test is sure of: nothing stalls for so long, and nobody looks at the progress. */
const QUIETLY = { stallMs: 20_000, onProgress: () => {} };

async function failureOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'it did not fail',
    (error: Error) => error.message,
  );
}

beforeAll(async () => {
  [engine, registry] = await Promise.all([ownEngine(0), startRegistry()]);
  await engine.images('busybox');
  reference = `${registry.name}/team/app:v1`;
  await engine.docker('tag', 'longshore/busybox:latest', reference);
  await engine.docker('--config', registry.dockerConfigDir, 'push', reference);
  await forget();
});

beforeEach(() => forget());

afterAll(async () => {
  for (const driver of open) driver.close();
  await Promise.all([engine?.remove(), registry?.stop()]);
});

/** Every name of the image and the image itself: what is pulled next really is pulled. */
async function forget(): Promise<void> {
  const ids = await engine.docker('images', '-q', '--no-trunc');
  if (ids !== '') await engine.docker('rmi', '-f', ...new Set(ids.split('\n')));
}

test('pulls with the credentials of the config file, and tells bytes and digest', async () => {
  const driver = loggedIn();
  expect(await driver.findImage(reference)).toBeNull();
  const progress: { bytesDone: number; bytesTotal: number }[] = [];
  const image = await driver.pull(reference, { ...QUIETLY, onProgress: (at) => progress.push(at) });
  expect(image.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(image.digest).not.toBe(image.id);
  expect(image.pullReference).toBe(`${registry.name}/team/app@${image.digest}`);
  expect(await driver.findImage(reference)).toEqual(image);
  expect(await driver.findImage(image.id)).toEqual(image);

  const done = progress.map((at) => at.bytesDone);
  expect(done).toEqual(done.toSorted((left, right) => left - right));
  const last = progress.at(-1);
  expect(last?.bytesDone).toBeGreaterThan(0);
  expect(last?.bytesDone).toBe(last?.bytesTotal);
});

test('pulls by digest what it once resolved, and creates from it by id', async () => {
  const driver = loggedIn();
  const first = await driver.pull(reference, QUIETLY);
  await forget();
  const again = await driver.pull(first.pullReference ?? '', QUIETLY);
  expect(again).toEqual(first);
  const controlPlaneId = newId('controlPlane');
  const owner = createDockerDriver({
    host: 'gpu-1',
    endpoint: parseEndpoint(engine.endpoint, null),
    controlPlaneId,
    credentials: () => Promise.resolve(null),
  });
  open.push(owner);
  const instance = newInstance(controlPlaneId, again.id);
  await owner.create(instance);
  expect((await seen(owner, instance)).imageId).toBe(first.id);
  await owner.remove(instance.name);
});

test('an image that carries several names has the digest of the one that is asked for', async () => {
  const driver = loggedIn();
  const pulled = await driver.pull(reference, QUIETLY);
  await engine.docker('tag', reference, 'local/name:v1');
  expect(await driver.findImage('local/name:v1')).toMatchObject({ digest: pulled.id, pullReference: null });
  expect(await driver.findImage(reference)).toEqual(pulled);
});

test('wrong, missing and unreadable credentials fail for good, and are not told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'longshore-auth-'));
  const file = join(dir, 'config.json');
  const auth = Buffer.from('longshore:not-the-password').toString('base64');
  await writeFile(file, JSON.stringify({ auths: { [registry.name]: { auth } } }));
  expect(await kindOf(connect(file).pull(reference, QUIETLY))).toBe('PERMANENT');
  const message = await failureOf(connect(file).pull(reference, QUIETLY));
  expect(message).toMatch(/^pull .*team\/app:v1: /);
  expect(message).not.toContain('not-the-password');
  expect(message).not.toContain(auth);

  expect(await kindOf(connect(join(dir, 'absent.json')).pull(reference, QUIETLY))).toBe('PERMANENT');
  await writeFile(file, '{"auths": "not-the-password"');
  expect(await kindOf(connect(file).pull(reference, QUIETLY))).toBe('PERMANENT');
  expect(await failureOf(connect(file).pull(reference, QUIETLY))).not.toContain('not-the-password');
  await rm(dir, { recursive: true });
});

test('an image or a tag that does not exist, and what is no reference, fail for good', async () => {
  const driver = loggedIn();
  for (const absent of ['app:v2', 'absent:v1', `app@sha256:${'0'.repeat(64)}`]) {
    const pull = driver.pull(`${registry.name}/team/${absent}`, QUIETLY);
    await expect(pull).rejects.toMatchObject({ kind: 'PERMANENT', reason: 'IMAGE_NOT_FOUND' });
  }
  expect(await kindOf(driver.pull('Not A Reference', QUIETLY))).toBe('PERMANENT');
  expect(await kindOf(driver.pull(`sha256:${'0'.repeat(64)}`, QUIETLY))).toBe('PERMANENT');
});

test('a registry that does not answer may do so later', async () => {
  expect(await kindOf(loggedIn().pull('127.0.0.1:1/team/app:v1', QUIETLY))).toBe('TRANSIENT');
});

describe('a registry that takes connections and never answers', () => {
  let silent: Server;
  let reference: string;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    const port = await freePort();
    silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    reference = `127.0.0.1:${port}/team/app:v1`;
  });

  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('a pull without progress ends after its stall time', async () => {
    const pull = loggedIn().pull(reference, { ...QUIETLY, stallMs: 500 });
    await expect(pull).rejects.toMatchObject({ kind: 'TRANSIENT', message: expect.stringContaining('no progress') });
  });

  test('a pull ends when its caller leaves', async () => {
    const leave = new AbortController();
    const pull = loggedIn().pull(reference, { ...QUIETLY, signal: leave.signal });
    sockets.clear();
    const ended = kindOf(pull);
    await until('the engine has asked the registry', () => sockets.size > 0);
    leave.abort();
    expect(await ended).toBe('UNKNOWN_OUTCOME');
  });
});
