import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { treePath } from '../../../src/paths.js';
import type { FromVictim, ToVictim } from './messages.js';

/** A child that has loaded the service and waits for commands. It ends with this process, when their channel closes. */
export class VictimProcess {
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

  static fork(program: string, outputFile: string): VictimProcess {
    const output = openSync(outputFile, 'a');
    const child = fork(program, [], { stdio: ['ignore', output, output, 'ipc'], execArgv: ['--enable-source-maps'] });
    closeSync(output);
    return new VictimProcess(child);
  }

  get gone(): boolean {
    return this.ended;
  }

  /** It killed itself at its point; false too if it ended in any other way, which is a defect of its own. */
  get crashed(): boolean {
    return this.ended && !this.endedByUs && this.child.signalCode === 'SIGKILL';
  }

  /** The answer; null if it died instead of answering. One question after another, so that each gets its own answer. */
  ask(message: ToVictim): Promise<FromVictim | null> {
    const answer = this.lastAnswer.then(() => this.askNow(message));
    this.lastAnswer = answer;
    return answer;
  }

  private async askNow(message: ToVictim): Promise<FromVictim | null> {
    if (this.ended) return null;
    let listen: (reply: FromVictim) => void = () => {};
    const answered = new Promise<FromVictim>((resolve) => {
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

  /** It ends what it has in hand, and then itself. Resolves with the points that it passed; null: it died on the way. */
  async leave(): Promise<readonly string[] | null> {
    const reply = await this.ask({ kind: 'LEAVE' });
    if (reply?.kind !== 'POINTS') return null;
    await this.end();
    return reply.points;
  }

  async end(): Promise<void> {
    this.endedByUs = !this.ended;
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

/**
 * The victim's program as one file, made from the sources as they are. Loading that takes a fifth of the time that loading
 * a thousand modules takes, and a crash run needs a new process each time.
 */
export async function bundleVictim(dir: string): Promise<string> {
  const outfile = join(dir, 'victim.cjs');
  await build({
    entryPoints: [treePath('test', 'support', 'crash', 'victim.ts')],
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
