import { spawn } from 'node:child_process';

export interface Http1Load {
  readonly port: number;
  readonly path: string;
  /** Sent as Host. h2load takes it under its name in HTTP/2. */
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface Http1Result {
  /** Answered with 200, a second. */
  readonly perSecond: number;
  /** Share of a core that the generator itself used. */
  readonly generatorShare: number;
}

const WARM_UP_SECONDS = 1;

/**
 * h2load over HTTP/1.1: each kept-alive connection sends its next request as soon as it has the answer to the last. Throws unless
 * every request was answered with 200.
 */
export async function http1Load({ port, path, host, connections, seconds }: Http1Load): Promise<Http1Result> {
  const url = `http://127.0.0.1:${port}${path}`;
  const times = ['-D', `${seconds}`, `--warm-up-time=${WARM_UP_SECONDS}`];
  const args = ['--h1', '-t', '1', '-c', `${connections}`, ...times, '-H', `:authority: ${host}`, url];
  const text = await output('bash', ['-c', 'TIMEFORMAT="processor %U %S"; time h2load "$@"', 'h2load', ...args]);
  const perSecond = figureIn(text, /finished in .*?, ([\d.]+) req\/s/);
  const [, good, ...others] = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text)?.map(Number) ?? [];
  const failed = figureIn(text, /(\d+) failed/);
  if (!good || failed > 0 || others.some((count) => count > 0)) throw new Error(`requests failed:\n${text}`);
  const [, user, system] = /processor ([\d.]+) ([\d.]+)/.exec(text)?.map(Number) ?? [];
  return { perSecond, generatorShare: ((user ?? 0) + (system ?? 0)) / (seconds + WARM_UP_SECONDS) };
}

function figureIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`h2load said something else than was expected:\n${text}`);
  return Number(found);
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}:\n${text}`)),
    );
  });
}
