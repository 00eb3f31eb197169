import { treePath } from '../../src/paths.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { until } from '../support/until.js';

const program = treePath('test', 'support', 'until-signal.ts');

describe('a process that runs until a signal', () => {
  let running: Daemon | undefined;
  afterEach(() => running?.kill());

  async function run(manner: 'hangs' | 'ends', deadlineMs: number): Promise<Daemon> {
    const daemon = startDaemon(process.execPath, ['--import', 'tsx', program, manner, String(deadlineMs)]);
    running = daemon;
    await until('it runs', () => daemon.output().includes('running'));
    return daemon;
  }

  const ended = (daemon: Daemon) => until('it ends', () => !daemon.running());
  const drainMs = (daemon: Daemon) => Number(/drains for (\d+)/.exec(daemon.output())?.[1]);

  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it', async (signal) => {
    const daemon = await run('ends', 20_000);
    daemon.signal(signal);
    await ended(daemon);
    expect(daemon.exitCode()).toBe(0);
    expect(daemon.output()).toContain('"msg":"stopped"');
  });

  test.each([
    [20_000, 18_000],
    [1_000, 750],
  ])('of %d ms, what drains has no more than %d, so that its end is within them', async (deadlineMs, mostMs) => {
    const daemon = await run('ends', deadlineMs);
    daemon.signal('SIGTERM');
    await ended(daemon);
    expect(drainMs(daemon)).toBeLessThanOrEqual(mostMs);
    expect(drainMs(daemon)).toBeGreaterThan(0);
  });

  test('a stop that hangs is left at the deadline, and said', async () => {
    const daemon = await run('hangs', 1_000);
    daemon.signal('SIGTERM');
    await ended(daemon);
    expect(daemon.exitCode()).toBe(3);
    expect(daemon.output()).toContain('did not stop within the deadline');
    expect(daemon.output()).not.toContain('"msg":"stopped"');
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second signal, %s, ends it at once with %d', async (signal, code) => {
    const daemon = await run('hangs', 60_000);
    daemon.signal('SIGTERM');
    await until('it stops', () => daemon.output().includes('drains'));
    daemon.signal(signal);
    await ended(daemon);
    expect(daemon.exitCode()).toBe(code);
    expect(daemon.output()).not.toContain('did not stop');
  });
});
