import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { command, tryCommand } from '../support/command.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { newDirectory } from '../support/run-directory.js';

const engineScript = treePath('scripts', 'setup', 'engine.sh');
const sweepScript = treePath('scripts', 'setup', 'sweep.sh');

describe('sweep.sh, at the end of a run', () => {
  const started: Daemon[] = [];
  afterEach(async () => {
    for (const daemon of started.splice(0)) await daemon.kill();
  });

  const start = (program: string, args: readonly string[], env = {}) => {
    const daemon = startDaemon(program, args, env);
    started.push(daemon);
    return daemon;
  };

  // This process has another run in its environment, which is not to be swept.
  const sweep = (run: string) => tryCommand('env', ['-u', 'LONGSHORE_RUN', sweepScript, run, '--processes']);

  test('ends and removes what a killed run left, and nothing else', async () => {
    const run = newDirectory('run');
    const dir = join(run, 'deep', 'e');
    const endpoint = await command(engineScript, ['start', dir], { env: { LONGSHORE_RUN: run } });
    await command(treePath('scripts', 'setup', 'images.sh'), [endpoint, 'busybox']);
    await command('docker', ['-H', endpoint, 'run', '-d', 'longshore/busybox', 'sleep', '1000']);
    const memory = join(run, 'memory');
    mkdirSync(memory);
    await command('mount', ['-t', 'tmpfs', 'longshore', memory]);
    const byEnvironment = start('sleep', ['1000'], { LONGSHORE_RUN: run });
    const byArgument = start('tail', ['-f', '/dev/null', `${run}/engines`]);
    const bystander = start('sleep', ['1000'], { LONGSHORE_RUN: `${run}-other` });

    expect(await sweep(run)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(run)).toBe(false);
    expect([byEnvironment, byArgument, bystander].map((daemon) => daemon.running())).toEqual([false, false, true]);
    expect(await command('pgrep', ['-fc', `${run}/`]).catch(() => 'none')).toBe('none');
  });

  test('says what is left all the same, and fails', async () => {
    const run = newDirectory('run');
    const netns = `ls-${basename(run)}`;
    // An engine whose directory went before it was stopped.
    appendFileSync(join(run, 'engines'), `${run}/gone\t${netns}\n`);
    await command('ip', ['netns', 'add', netns]);
    try {
      const { code, stderr } = await sweep(run);
      expect(stderr).toContain(`network namespace ${netns} of ${run}/gone`);
      expect(code).toBe(1);
    } finally {
      await command('ip', ['netns', 'del', netns]);
    }
  });
});
