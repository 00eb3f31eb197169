import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownEngine } from '../support/engine.js';
import type { PrivateEngine } from '../support/private-engine.js';
import { startRedis } from '../support/redis.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

/** All keys of a Redis with what is in them. */
const DUMP = `
  local all = {}
  for _, key in ipairs(redis.call('KEYS', '*')) do all[#all + 1] = key .. ' ' .. redis.call('DUMP', key) end
  table.sort(all)
  return redis.sha1hex(table.concat(all))`;

const script = treePath('scripts', 'demo.sh');

describe('npm run demo', () => {
  let engine: PrivateEngine;
  let dir: string;
  let cut: Daemon | undefined;

  beforeAll(async () => {
    engine = await ownEngine(0);
    await engine.images('busybox', 'app');
    dir = join(newDirectory('demo'), 'd');
  });

  afterAll(async () => {
    await cut?.stop();
    await tryCommand('bash', [script, '--dir', dir, '--stop']);
    await engine?.remove();
  });

  const env = () => ({ DOCKER_HOST: engine.endpoint, REDIS_URL: '' });
  const demo = (...args: string[]) => tryCommand('bash', [script, '--dir', dir, ...args], { env: env() });

  async function expectNothingLeft(): Promise<void> {
    expect(await engine.docker('ps', '-aq')).toBe('');
    expect(await engine.docker('volume', 'ls', '-q')).toBe('');
    expect(await engine.docker('network', 'ls', '-q', '--filter', 'type=custom')).toBe('');
    expect(existsSync(dir)).toBe(false);
  }

  test('an image that ignores its revision is noticed', async () => {
    const { code, stdout } = await demo('--fault', 'wrong-revision');
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED {2}the url answers from revision one: status 200, always-the-same/);
    expect(stdout).toMatch(/ok {2}Rollback container succeeded/);
    await expectNothingLeft();
  });

  test('an ingress that does not run is noticed', async () => {
    const { code, stdout } = await demo('--fault', 'no-ingress');
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED {2}the url answers from revision two: status 0, connect ECONNREFUSED/);
    expect(stdout).toMatch(/FAILED {2}no call failed meanwhile/);
    await expectNothingLeft();
  });

  test('after a run that was killed in the middle it ends what that one left, and does the whole job', async () => {
    cut = startDaemon('bash', [script, '--dir', dir], env());
    const killed = cut;
    await until('the second revision is being deployed', () => killed.output().includes('Deploy revision two'), 60_000);
    await killed.kill(); // and with it nobody is left who would clean up
    expect(await engine.docker('ps', '-q')).not.toBe('');

    const { code, stdout, stderr } = await demo();
    expect(stderr).toContain('ending the service of a former run');
    const summary = stdout.slice(stdout.indexOf('== All of it was verified'));
    expect(summary).toMatch(/^ {3}ok {2}no call failed meanwhile$/m);
    expect(summary.match(/^ {3}ok {2}/gm)).toHaveLength(14);
    expect(summary).toMatch(/\n14 verified, 0 failed\n/);
    expect(code).toBe(0);
    await expectNothingLeft();
  });

  test('--keep leaves the service running on the Redis at REDIS_URL, --stop ends it, and what else is there is not touched', async () => {
    const redis = await startRedis();
    try {
      // Another Longshore's, and a stranger's.
      await redis.cli('hset', '{longshore}:control-plane', 'id', 'theirs', 'format', '1');
      await redis.cli('set', 'longshore-demo-x', 'theirs');
      const dump = () => redis.cli('eval', DUMP, '0');
      const before = await dump();

      const kept = await tryCommand('bash', [script, '--dir', dir, '--keep'], {
        env: { ...env(), REDIS_URL: redis.url },
      });
      expect(kept.stdout).toMatch(/\n13 verified, 0 failed\n/);
      expect(kept.code).toBe(0);
      const http = /health and metrics on (\S+),/.exec(kept.stdout)?.[1] ?? '';
      expect((await fetch(`${http}/readyz`)).status).toBe(200);
      expect(await engine.docker('ps', '-q')).not.toBe('');
      expect(await redis.cli('keys', '{longshore-demo-*}:container/*')).not.toBe('');
      expect(existsSync(join(dir, 'data'))).toBe(false); // where a Redis of its own would be

      const { code } = await demo('--stop');
      expect(code).toBe(0);
      expect(await dump()).toBe(before);
      await expect(fetch(`${http}/readyz`)).rejects.toThrow();
      await expectNothingLeft();
    } finally {
      await redis.stop();
    }
  });

  test('an engine that another Longshore has claimed meanwhile is not cleared, and not used', async () => {
    const label = ['--label', 'longshore.control-plane=theirs'];
    await engine.docker('volume', 'create', ...label, 'longshore-owner');
    await engine.docker('network', 'create', ...label, 'theirs');
    await engine.docker('create', '--name', 'theirs', ...label, 'longshore/busybox');
    try {
      // What a run leaves that was killed when it had that engine.
      const log = { controlPlaneId: 'mine', msg: 'engines are claimed by this control plane' };
      mkdirSync(dir);
      writeFileSync(join(dir, 'longshore-demo'), '');
      writeFileSync(join(dir, 'endpoint'), engine.endpoint);
      writeFileSync(join(dir, 'service.log'), `${JSON.stringify(log)}\n`);

      const { code, stderr } = await demo();
      expect(stderr).toContain('belongs to another Longshore');
      expect(code).toBe(1);
      expect(await engine.docker('ps', '-a', '--format', '{{.Names}}')).toBe('theirs');
      expect(await engine.docker('network', 'ls', '-q', '--filter', 'name=theirs')).not.toBe('');
      expect(await engine.docker('volume', 'ls', '-q')).toBe('longshore-owner');
      expect(existsSync(dir)).toBe(false);
    } finally {
      await engine.docker('rm', 'theirs');
      await engine.docker('network', 'rm', 'theirs');
      await engine.docker('volume', 'rm', 'longshore-owner');
    }
  });
});
