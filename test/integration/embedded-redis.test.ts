import { existsSync } from 'node:fs';
import { mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/embedded/redis.js';
import { createLogger } from '../../src/log.js';
import { treePath } from '../../src/paths.js';
import { command } from '../support/command.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

const log = createLogger({ level: 'fatal' });
let dataDir: string;
let stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  dataDir = newDirectory('data');
});
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
  await rm(dataDir, { recursive: true, force: true });
});

async function start(options: { signal?: AbortSignal; onRestart?: () => void } = {}): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ dataDir, log, ...options });
  stops.push(() => redis.stop());
  return redis;
}

function spawnParent(env: Record<string, string> = {}): Daemon {
  const program = treePath('test', 'support', 'embedded-redis-parent.ts');
  const parent = startDaemon(process.execPath, ['--import', 'tsx', program, dataDir], env);
  stops.push(() => parent.kill());
  return parent;
}

/** A process of its own that has the data directory, and the pid of its redis-server. */
async function startParent(): Promise<{ parent: Daemon; pid: number }> {
  const parent = spawnParent();
  await until('the parent has its redis-server', () => {
    if (!parent.running()) throw new Error(parent.output());
    return parent.output().endsWith('\n');
  });
  return { parent, pid: Number(parent.output()) };
}

const cli = (...args: string[]) => command('redis-cli', ['-s', join(dataDir, 'redis', 'redis.sock'), ...args]);

/** Not a zombie either. */
async function runs(pid: number): Promise<boolean> {
  if (!existsSync(`/proc/${pid}`)) return false;
  return !(await command('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => 'Z')).startsWith('Z');
}

const gone = (pid: number) => until(`process ${pid} is gone`, async () => !(await runs(pid)));

test('it is private, and nothing acknowledged can be lost or evicted', async () => {
  const redis = await start();
  expect((await stat(join(dataDir, 'redis'))).mode & 0o777).toBe(0o700);
  const setting = async (name: string) => (await cli('config', 'get', name)).split('\n')[1];
  expect(await setting('port')).toBe('0');
  expect(await setting('appendonly')).toBe('yes');
  expect(await setting('appendfsync')).toBe('always');
  expect(await setting('maxmemory-policy')).toBe('noeviction');
  expect(await setting('maxmemory')).toBe('0');
  expect(redis.url).toBe(`unix://${join(dataDir, 'redis', 'redis.sock')}`);
});

test('a directory that was open to others is closed', async () => {
  await mkdir(join(dataDir, 'redis'), { mode: 0o755 });
  await start();
  expect((await stat(join(dataDir, 'redis'))).mode & 0o777).toBe(0o700);
});

test('a stop ends it, and the data is there at the next start', async () => {
  const first = await startEmbeddedRedis({ dataDir, log });
  await cli('set', 'a', '1');
  const { pid } = first;
  await first.stop();
  expect(await runs(pid)).toBe(false);
  await start();
  expect(await cli('get', 'a')).toBe('1');
});

test('it is started again whenever it is killed, with its data', async () => {
  let restarts = 0;
  const redis = await start({ onRestart: () => restarts++ });
  for (const round of [1, 2]) {
    await cli('set', 'round', String(round));
    const { pid } = redis;
    process.kill(pid, 'SIGKILL');
    await until('it was started again', () => restarts === round);
    expect(redis.pid).not.toBe(pid);
    expect(await cli('get', 'round')).toBe(String(round));
  }
});

test('a stop while it is being started again leaves nothing', async () => {
  const redis = await startEmbeddedRedis({ dataDir, log });
  const { pid } = redis;
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  await redis.stop();
  const second = await start();
  expect(await runs(second.pid)).toBe(true);
  expect(await runs(redis.pid)).toBe(false);
});

test('it ends with its parent, even one that is killed and even when it is stopped itself', async () => {
  const { parent, pid } = await startParent();
  await cli('set', 'a', '1');
  process.kill(pid, 'SIGSTOP');
  await parent.kill();
  await gone(pid);
  await start();
  expect(await cli('get', 'a')).toBe('1');
});

test('a parent that is asked to end stops it', async () => {
  const { parent, pid } = await startParent();
  await parent.stop();
  expect(await runs(pid)).toBe(false);
});

test('a second service in the same data directory is refused and told who has it', async () => {
  const { parent, pid } = await startParent();
  await expect(startEmbeddedRedis({ dataDir, log })).rejects.toThrow(`${dataDir} is used by process ${parent.pid}`);
  expect(await runs(pid)).toBe(true);
  expect(await cli('ping')).toBe('PONG');
  await parent.stop();
  await start();
  await expect(startEmbeddedRedis({ dataDir, log })).rejects.toThrow(`process ${process.pid}`);
});

test('a socket, a lock file and a redis-server that were left behind do not matter', async () => {
  const dir = join(dataDir, 'redis');
  await mkdir(dir);
  await writeFile(join(dataDir, 'lock'), '1\n');
  const socket = ['--port', '0', '--unixsocket', join(dir, 'redis.sock')];
  const survivor = startDaemon('redis-server', [...socket, '--dir', dir]);
  stops.push(() => survivor.kill());
  await until('the survivor listens', () => existsSync(join(dir, 'redis.sock')));
  survivor.signal('SIGSTOP');
  const redis = await start();
  await gone(survivor.pid);
  expect(await cli('config', 'get', 'appendfsync')).toContain('always');
  expect(await runs(redis.pid)).toBe(true);
});

test('a redis-server of somebody else is left alone', async () => {
  const other = newDirectory('other');
  stops.push(() => rm(other, { recursive: true, force: true }));
  const theirs = startDaemon('redis-server', ['--port', '0', '--unixsocket', join(other, 's.sock'), '--dir', other]);
  stops.push(() => theirs.stop());
  await until('it runs', () => existsSync(join(other, 's.sock')));
  await start();
  expect(theirs.running()).toBe(true);
});

test('a start that is interrupted leaves nothing and can be repeated', async () => {
  await expect(start({ signal: AbortSignal.abort(new Error('asked to stop')) })).rejects.toThrow('asked to stop');
  await start();
  expect(await cli('ping')).toBe('PONG');
});

test('damaged data is an error that shows what redis-server says', async () => {
  await (await startEmbeddedRedis({ dataDir, log })).stop();
  await writeFile(join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense');
  await expect(start()).rejects.toThrow(/does not run: exit code 1; its last lines: .*manifest/);
});

test('a machine without redis-server is told what to run', async () => {
  const bare = newDirectory('path');
  stops.push(() => rm(bare, { recursive: true, force: true }));
  for (const program of ['sh', 'flock', 'setpriv'])
    await symlink(await command('which', [program]), join(bare, program));
  const parent = spawnParent({ PATH: bare });
  await until('it gives up', () => !parent.running());
  expect(parent.output()).toContain('apt-get install redis-server');
});

test.each<[string, (dir: string) => string, RegExp]>([
  ['that is a file', (dir) => join(dir, 'file'), /ENOTDIR/],
  ['below a file', (dir) => join(dir, 'file', 'data'), /ENOTDIR/],
  ['in /proc', () => '/proc/longshore/data', /no directory can be made in \/proc;/],
  ['below a link that leads nowhere', (dir) => join(dir, 'link', 'data'), /ENOENT/],
])('a data directory %s is an error with the variable to set', async (_, place, why) => {
  await writeFile(join(dataDir, 'file'), '');
  await symlink('/no/such/place', join(dataDir, 'link'));
  const failure = await startEmbeddedRedis({ dataDir: place(dataDir), log }).catch(String);
  expect(failure).toMatch(why);
  expect(failure).toContain('set LONGSHORE_DATA_DIR');
});

test('a data directory is made with all above it, for this user alone', async () => {
  const deep = join(dataDir, 'a', 'b');
  const redis = await startEmbeddedRedis({ dataDir: deep, log });
  stops.push(() => redis.stop());
  for (const made of [join(dataDir, 'a'), deep]) expect((await stat(made)).mode & 0o777).toBe(0o700);
});
