import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { command, tryCommand } from '../support/command.js';
import { startDaemon } from '../support/daemon.js';
import { http } from '../support/http.js';
import { freePort } from '../support/ports.js';
import { type PrivateEngine, startPrivateEngine } from '../support/private-engine.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

const engineScript = treePath('scripts', 'setup', 'engine.sh');

/** What of an engine with this directory is left outside of it, by what the kernel shows. */
async function traces(dir: string): Promise<string[]> {
  const hash = (await command('bash', ['-c', 'source "$0"; hash_of "$1"', treePath('scripts', 'lib.sh'), dir])).trim();
  const mentions = (text: string) => text.includes(`${dir}/`) || text.includes(hash);
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const links = (await command('ip', ['-o', 'link'])).split('\n');
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  // It ends with an error when a directory of another engine goes while it looks.
  const found = await tryCommand('find', ['/sys/fs/cgroup', '-maxdepth', '3', '-name', `*${hash}*`]);
  const cgroups = found.stdout.split('\n');
  const runtime = readdirSync('/run').map((name) => `/run/${name}`);
  const kept = existsSync(dir) ? [`${dir}/`] : [];
  return [...processes, ...mounts, ...links, ...namespaces, ...cgroups, ...runtime, ...kept].filter(mentions);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** A container on a network of its own with a published port, and one that is paused: all that can be left behind. */
async function populate(engine: PrivateEngine): Promise<void> {
  await engine.images('busybox');
  await engine.docker('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'apart');
  const port = `127.0.0.1:${await freePort()}:80`;
  const container = ['run', '-d', '--init', '--network', 'apart', '-v', 'data:/data'];
  await engine.docker(...container, '-p', port, 'longshore/busybox', 'sleep', '1000');
  const paused = await engine.docker(...container, 'longshore/busybox', 'sleep', '1000');
  await engine.docker('pause', paused);
}

// Each has an engine of its own, which takes its time to start and to end: they go on side by side.

test.concurrent('an engine that is stopped leaves nothing behind', async () => {
  const dir = join(newDirectory('engine'), 'e');
  const engine = await startPrivateEngine({ dir });
  await populate(engine);
  expect(await traces(dir)).not.toEqual([]);
  await engine.remove();
  expect(await traces(dir)).toEqual([]);
});

test.concurrent('starting an engine that answers changes nothing', async () => {
  const dir = join(newDirectory('engine'), 'e');
  const engine = await startPrivateEngine({ dir });
  try {
    const before = await engine.docker('info', '--format', '{{.ID}}');
    const again = await command(engineScript, ['start', dir]);
    expect(again).toBe(engine.endpoint);
    expect(await engine.docker('info', '--format', '{{.ID}}')).toBe(before);
  } finally {
    await engine.remove();
  }
});

test.concurrent('the next start clears what a killed run left, and hits no process that has a recycled id', async () => {
  const dir = join(newDirectory('engine'), 'e');
  const engine = await startPrivateEngine({ dir });
  await populate(engine);
  await engine.kill();
  expect((await traces(dir)).some((trace) => trace.includes('shim'))).toBe(true);

  const bystander = startDaemon('sleep', ['1000']);
  await command('sh', ['-c', 'echo "$1" >"$0/run/dockerd.pid"', dir, String(bystander.pid)]);
  const again = await startPrivateEngine({ dir });
  try {
    expect(await again.docker('ps', '-aq')).toBe('');
    expect((await traces(dir)).filter((trace) => trace.includes('shim'))).toEqual([]);
    expect(bystander.running()).toBe(true);
  } finally {
    await again.remove();
    await bystander.kill();
  }
  expect(await traces(dir)).toEqual([]);
});

test.concurrent('an engine that hangs is ended too', async () => {
  const dir = join(newDirectory('engine'), 'e');
  const engine = await startPrivateEngine({ dir });
  await populate(engine);
  await engine.stop();
  await engine.remove();
  expect(await traces(dir)).toEqual([]);
});

test.concurrent('a directory too deep for sockets works as well', async () => {
  const dir = join(newDirectory('engine'), 'd'.repeat(120));
  const engine = await startPrivateEngine({ dir });
  expect(engine.socketPath.length).toBeLessThan(108);
  await engine.images('busybox');
  expect(await engine.docker('run', '--rm', 'longshore/busybox', 'echo', 'well')).toBe('well');
  await engine.remove();
  expect(await traces(dir)).toEqual([]);
});

test.concurrent('the demo application answers with its revision, and an image is made once', async () => {
  const engine = await startPrivateEngine({ dir: join(newDirectory('engine'), 'e') });
  try {
    await engine.images('app');
    const first = await engine.docker('image', 'inspect', '--format', '{{.Id}}', 'longshore/demo-app');
    await engine.images('app');
    expect(await engine.docker('image', 'inspect', '--format', '{{.Id}}', 'longshore/demo-app')).toBe(first);

    const port = await freePort();
    const published = ['-p', `127.0.0.1:${port}:8080`, '-e', 'REVISION=blue'];
    await engine.docker('run', '-d', '--init', ...published, 'longshore/demo-app');
    const answer = await until('the application answers', () => http(`http://127.0.0.1:${port}/`));
    expect(JSON.parse(answer.body)).toMatchObject({ revision: 'blue' });
    const body = 'x'.repeat(1024 * 1024);
    const echo = await http(`http://127.0.0.1:${port}/echo`, { method: 'POST', body });
    expect(echo.body === body).toBe(true);
  } finally {
    await engine.remove();
  }
});
