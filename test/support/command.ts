import { execFile } from 'node:child_process';

interface CommandOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Default: 2 minutes, then SIGKILL. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code (a signal's name when one ended it). */
export function tryCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        env: { ...process.env, ...options.env },
        timeout: options.timeoutMs ?? 120_000,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code === 'string') reject(error);
        else resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 'SIGKILL'), stdout, stderr });
      },
    );
    child.stdin?.on('error', () => {}); // it may end without reading
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs a program that must succeed. Returns its stdout without the last newline. */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(program, args, options);
  if (result.code !== 0)
    throw new Error(`${program} ${args.join(' ')}: ended with ${result.code}\n${result.stderr}${result.stdout}`);
  return result.stdout.replace(/\n$/, '');
}
