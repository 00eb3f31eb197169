import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { command, tryCommand } from '../support/command.js';
import { ownEngine } from '../support/engine.js';
import type { PrivateEngine } from '../support/private-engine.js';
import { newDirectory } from '../support/run-directory.js';

const script = treePath('scripts', 'setup', 'docker-host.sh');
const TOOLS = ['bash', 'env', 'timeout', 'dirname', 'id', 'cat', 'sed', 'grep', 'sort', 'flock', 'rm', 'mv'];

/** A PATH with Node and the shell's tools, but neither Docker's client nor apt. Other programs may be put into it. */
async function barePath(): Promise<string> {
  const dir = newDirectory('path');
  for (const tool of TOOLS) symlinkSync(await command('which', [tool]), join(dir, tool));
  symlinkSync(process.execPath, join(dir, 'node'));
  return dir;
}

function stub(dir: string, name: string, text: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, name), 0o755);
}

// In a mount namespace, where /run is empty but for a link to an engine's socket, and the lock of installing, which is the machine's.
const WITH_SOCKET = `
  touch /run/longshore-packages.lock && mkdir "$1/run" && mount --rbind /run "$1/run" && mount -t tmpfs tmpfs /run &&
  touch /run/longshore-packages.lock && mount --bind "$1/run/longshore-packages.lock" /run/longshore-packages.lock &&
  ln -s "$2" /run/docker.sock && PATH=$3 exec "$4" "$5"`;

describe('docker-host.sh', () => {
  let engine: PrivateEngine;
  let path: string;

  beforeAll(async () => {
    await command('bash', [treePath('scripts', 'build.sh'), '--if-needed']);
    engine = await ownEngine(0);
  });
  afterAll(() => engine?.remove());
  beforeEach(async () => {
    path = await barePath();
  });

  const env = (dockerHost: string) => ({
    DOCKER_HOST: dockerHost,
    DOCKER_TLS_VERIFY: '',
    DOCKER_CONTEXT: '',
    DOCKER_CERT_PATH: '',
  });
  const withHost = (dockerHost: string, more = {}) =>
    tryCommand(script, [newDirectory('host')], { env: { ...env(dockerHost), ...more } });
  const withSocket = () =>
    tryCommand(
      'unshare',
      [
        '-m',
        'sh',
        '-c',
        WITH_SOCKET,
        'sh',
        newDirectory('host'),
        engine.socketPath,
        path,
        script,
        newDirectory('host'),
      ],
      { env: env('') },
    );

  test('an engine at DOCKER_HOST is used', async () => {
    const { code, stdout } = await withHost(engine.endpoint);
    expect(stdout).toBe(`${engine.endpoint}\n`);
    expect(code).toBe(0);
  });

  test.each([
    ['tcp://192.0.2.1:2376', /^\[longshore\] DOCKER_HOST: .*not an engine of this machine/m],
    ['ssh://gpu-1', /^\[longshore\] DOCKER_HOST: ssh:\/\/ is not there yet/m],
  ])('%s is refused before it is asked', async (dockerHost, message) => {
    const { code, stdout, stderr } = await withHost(dockerHost);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('Unset DOCKER_HOST, or name an engine of this machine without TLS');
    expect(stderr).not.toContain('using the Docker Engine');
    expect([code, stdout]).toEqual([1, '']);
  });

  test('TLS on loopback, which the service would not speak, is refused', async () => {
    const { code, stderr } = await withHost('tcp://127.0.0.1:2376', { DOCKER_TLS_VERIFY: '1' });
    expect(stderr).toContain('is asked with TLS (DOCKER_TLS_VERIFY)');
    expect(code).toBe(1);
  });

  test('an engine at the usual socket is used', async () => {
    symlinkSync(await command('which', ['docker']), join(path, 'docker'));
    const { code, stdout, stderr } = await withSocket();
    expect(stderr).toContain("using this machine's Docker Engine");
    expect([code, stdout]).toEqual([0, 'unix:///var/run/docker.sock\n']);
  });

  test.each([
    ['dnf', 'dnf install /usr/bin/docker'],
    ['pacman', 'pacman -S --needed docker'],
    ['apk', 'apk add docker'],
  ])('where its client is missing and %s installs, the exact command is said', async (manager, exact) => {
    stub(path, manager, 'echo "nothing is to be installed by itself here" >&2; exit 1');
    const { code, stdout, stderr } = await withSocket();
    expect(stderr).toMatch(new RegExp(`missing: docker\\. Run this.*\n\\[longshore\\] {3}${exact}\n`));
    expect(stderr).not.toContain('starting a private Docker Engine');
    expect([code, stdout]).toEqual([1, '']);
  });
});
