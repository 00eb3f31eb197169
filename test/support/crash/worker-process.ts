import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { treePath } from '../../../src/paths.js';
import type { FromWorker, ToWorker } from './messages.js';

/** A child that has loaded the service and waits for commands. It ends with this process, when their channel closes. */
export class WorkerProcess {
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  private ended = false;
  private endedByUs = false;
  private lastAnswer: Promise<unknown> = Promise.resolve();

  private constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.ended = true;
        resolve();
      });
    });
  }

  static fork(program: string, outputFile: string): WorkerProcess {
    const output = openSync(outputFile, 'a');
    const child = fork(program, [], { stdio: ['ignore', output, output, 'ipc'], execArgv: ['--enable-source-maps'] });
    closeSync(output);
    return new WorkerProcess(child);
  }

  get gone(): boolean {
    return this.ended;
  }

  /** It killed itself at its point; false too if it ended in any other way, which is a defect of its own. */
  get crashed(): boolean {
    return this.ended && !this.endedByUs && this.child.signalCode === 'SIGKILL';
  }

  /** The answer; null if it died instead of answering. One question after another, so that each gets its own answer. */
  ask(message: ToWorker): Promise<FromWorker | null> {
    const answer = this.lastAnswer.then(() => this.askNow(message));
    this.lastAnswer = answer;
    return answer;
  }

  private async askNow(message: ToWorker): Promise<FromWorker | null> {
    if (this.ended) return null;
    let listen: (reply: FromWorker) => void = () => {};
    const answered = new Promise<FromWorker>((resolve) => {
      listen = resolve;
      this.child.once('message', listen);
    });
    this.child.send(message, () => {});
    const reply = await Promise.race([answered, this.exited.then(() => null)]);
    this.child.removeListener('message', listen);
    return reply;
  }

  async points(): Promise<readonly string[]> {
    const reply = await this.ask({ kind: 'POINTS' });
    return reply?.kind === 'POINTS' ? reply.points : [];
  }

  async end(): Promise<void> {
    this.endedByUs = !this.ended;
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

/**
 * The worker's program as one file, made from the sources as they are. Loading that takes a fifth of the time that loading
 * a thousand modules takes, and a crash run needs a new process each time.
 */
export async function bundleWorker(dir: string): Promise<string> {
  const outfile = join(dir, 'worker.cjs');
  await build({
    entryPoints: [treePath('test', 'support', 'crash', 'worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    // Optional native parts of a package that is not used over ssh.
    external: ['cpu-features', '*.node'],
    // Stands in src/paths.ts alone.
    define: { 'import.meta.dirname': JSON.stringify(treePath('src')) },
  });
  return outfile;
}
