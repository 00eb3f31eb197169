import { type ChildProcess, spawn } from 'node:child_process';

/** A child process of a test. It is ended through its handle, so no other process is ever hit. */
export interface Daemon {
  readonly pid: number;
  /** Everything it has written so far. */
  output(): string;
  /** False once it has ended. */
  running(): boolean;
  /** Null while it runs, and where a signal ended it. */
  exitCode(): number | null;
  /** A signal; it does nothing once the process has ended. */
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, after 5 seconds SIGKILL. Resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
}

export function startDaemon(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Daemon {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let text = '';
  const collect = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-64 * 1024);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.on('error', (error) => {
    text += String(error);
  });
  // A test runner that is killed cannot stop its children; one that merely ends does.
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.removeListener('exit', killAtExit));
  const ended = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? -1,
    output: () => text,
    running: () => !ended(),
    exitCode: () => child.exitCode,
    signal: (name) => void child.kill(name),
    stop: () => end(child, ended, 'SIGTERM'),
    kill: () => end(child, ended, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, ended: () => boolean, signal: NodeJS.Signals): Promise<void> {
  if (ended()) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGCONT');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(timer);
}
