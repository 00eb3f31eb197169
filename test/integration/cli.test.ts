import { existsSync } from 'node:fs';
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownEngine } from '../support/engine.js';
import { startRedis } from '../support/redis.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

const ARGS = ['--import', 'tsx', treePath('src', 'cli.ts')];
type Env = Readonly<Record<string, string>>;

const NOWHERE = 'unix:///no/such/docker.sock';
const run = (command: string, env: Env, ...args: readonly string[]) =>
  tryCommand(process.execPath, [...ARGS, command, ...args], { env: { REDIS_URL: '', DOCKER_HOST: NOWHERE, ...env } });

const any = '127.0.0.1:0';
const PORTS = { LONGSHORE_GRPC_ADDR: any, LONGSHORE_HTTP_ADDR: any, LONGSHORE_INGRESS_ADDR: any };

describe('check-config', () => {
  test('shows the configuration and touches nothing', async () => {
    const dir = join(newDirectory('cli'), 'data');
    const { code, stdout } = await run('check-config', { LONGSHORE_DATA_DIR: dir });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dataDir: dir, hosts: [{ endpoint: NOWHERE }] });
    expect(existsSync(dir)).toBe(false);
  });

  test('says all that is wrong', async () => {
    const { code, stderr } = await run('check-config', { LONGSHORE_HTTP_ADDR: ':80', LONGSHORE_ROLE: 'api' });
    expect(code).toBe(2);
    expect(stderr).toContain('error: LONGSHORE_HTTP_ADDR: ');
    expect(stderr).toContain('LONGSHORE_ROLES is the nearest');
  });
});

test('a command that does not exist is an error of its own', async () => {
  expect((await run('sreve', {})).code).toBe(2);
});

describe('doctor', () => {
  test('says what does not answer and how to mend it', async () => {
    const dir = join(newDirectory('cli'), 'data');
    const { code, stdout } = await run('doctor', { LONGSHORE_DATA_DIR: dir });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +redis: the service does not run/m);
    expect(stdout).toMatch(/^FAILED +host local: .*ENOENT.*\n +-> .*systemctl start docker/m);
    expect(existsSync(dir)).toBe(false);
  });

  test('a Redis that may evict is a failure', async () => {
    const redis = await startRedis('--maxmemory-policy', 'allkeys-lru');
    try {
      const { code, stdout } = await run('doctor', { REDIS_URL: redis.url });
      expect(code).toBe(1);
      expect(stdout).toMatch(/^FAILED +redis: .*maxmemory-policy allkeys-lru/m);
      expect(stdout).not.toMatch(/^FAILED +redis: .*\n +->/m);
    } finally {
      await redis.stop();
    }
  });

  test('looks at an engine and whose it is, and changes nothing', async () => {
    const [redis, engine] = await Promise.all([startRedis(), ownEngine(0)]);
    const look = () => run('doctor', { REDIS_URL: redis.url, DOCKER_HOST: engine.endpoint });
    const claim = (id: string) =>
      engine.docker('volume', 'create', '--label', `longshore.control-plane=${id}`, 'longshore-owner');
    try {
      const fresh = await look();
      expect(fresh.stdout).toMatch(/^ok +redis: version .* no control plane has used it yet/m);
      expect(fresh.stdout).toMatch(/^ok +host local: Docker Engine .* answers/m);
      expect(fresh.stdout).toMatch(/^ok +host local: no control plane has claimed it/m);
      expect(fresh.code).toBe(0);
      expect(await redis.cli('dbsize')).toBe('0');
      expect(await engine.docker('volume', 'ls', '-q')).toBe('');

      await redis.cli('hset', '{longshore}:control-plane', 'id', 'mine');
      await claim('theirs');
      const foreign = await look();
      expect(foreign.stdout).toMatch(
        /^FAILED +host local: claimed by another control plane, theirs;.*\n +-> only if that one is gone/m,
      );
      expect(foreign.code).toBe(1);
      const apart = await run('doctor', { REDIS_URL: redis.url, LONGSHORE_KEYSPACE: 'staging' });
      expect(apart.stdout).toMatch(/^ok +redis: version .* no control plane has used it yet/m);
    } finally {
      await Promise.all([redis.stop(), engine.remove()]);
    }
  });
});

test('hosts adopt says what it did, and fails where it did nothing', async () => {
  const { code, stdout } = await run('hosts', { LONGSHORE_DATA_DIR: newDirectory('cli') }, 'adopt', 'locla');
  expect(stdout).toMatch(/^FAILED +host locla: it is not in the configuration\n +-> name one of local$/m);
  expect(code).toBe(1);
});

describe('serve', () => {
  let service: Daemon | undefined;
  afterEach(() => service?.kill());

  function serve(env: Env): Daemon {
    const around = { REDIS_URL: '', DOCKER_HOST: NOWHERE, LONGSHORE_DATA_DIR: newDirectory('cli'), ...PORTS };
    service = startDaemon(process.execPath, [...ARGS, 'serve'], { ...around, ...env });
    return service;
  }

  const ended = (daemon: Daemon) => until('the service ends', () => !daemon.running());

  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it, its redis-server last', async (signal) => {
    const dataDir = newDirectory('cli');
    const daemon = serve({ LONGSHORE_DATA_DIR: dataDir });
    await until('it runs', () => daemon.output().includes('authentication is off'));
    daemon.signal(signal);
    await ended(daemon);
    expect(daemon.output()).toContain('"msg":"stopped"');
    expect(daemon.output()).not.toContain('"level":"error"');
    expect(await redisServersIn(join(dataDir, 'redis'))).toBe(0);
  });

  test('a signal during the start cuts it short', async () => {
    const dataDir = newDirectory('cli');
    const daemon = serve({ LONGSHORE_DATA_DIR: dataDir, LONGSHORE_LOG_LEVEL: 'debug' });
    await until('its redis-server speaks', () => daemon.output().includes('redis-server: '));
    daemon.signal('SIGTERM');
    await ended(daemon);
    // The start may just have been complete.
    expect(daemon.output()).toMatch(/"msg":"stopped( before the start was complete)?"/);
    expect(await redisServersIn(join(dataDir, 'redis'))).toBe(0);
  });

  test('it does not start with a wrong configuration, nor with a data directory that it cannot use', async () => {
    const wrong = serve({ LONGSHORE_GRPC_ADDR: ':1' });
    await ended(wrong);
    expect(wrong.output()).toContain('error: LONGSHORE_GRPC_ADDR');
    const file = join(newDirectory('cli'), 'file');
    await writeFile(file, '');
    const stuck = serve({ LONGSHORE_DATA_DIR: file });
    await ended(stuck);
    expect(stuck.output()).toContain('set LONGSHORE_DATA_DIR');
  });
});

async function redisServersIn(dir: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return found.filter((cwd) => cwd === dir).length;
}
