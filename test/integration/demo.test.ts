import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownEngine } from '../support/engine.js';
import type { PrivateEngine } from '../support/private-engine.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

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

  const env = () => ({ DOCKER_HOST: engine.endpoint });
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
    expect(stdout).toMatch(/\n14 verified, 0 failed\n/);
    expect(code).toBe(0);
    await expectNothingLeft();
  });
});
