import { spawn } from 'node:child_process';
import type { Gpu } from '../domain/host.js';
import { shorten } from './docker-text.js';
import { EngineError } from './driver.js';
import { GPU_QUERY, parseGpus } from './nvidia-smi.js';

interface LocalGpusDeps {
  /** For its EngineErrors. */
  readonly host: string;
  readonly command?: string;
  readonly timeoutMs?: number;
}

const MAX_OUTPUT = 1024 * 1024;

/**
 * The GPUs of the machine that we run on, from its nvidia-smi. A machine without nvidia-smi, or whose driver finds no device, has
 * none. A driver that fails or hangs (a read of a dead GPU may block in the kernel, where no signal reaches it) is an
 * EngineError of kind TRANSIENT: the GPUs are not gone, and must not be taken for gone.
 */
export function localGpus(deps: LocalGpusDeps, signal?: AbortSignal): Promise<readonly Gpu[]> {
  const { host, command = 'nvidia-smi', timeoutMs = 20_000 } = deps;
  const failure = (text: string, cause?: unknown) =>
    new EngineError('TRANSIENT', host, shorten(`${command}: ${text}`), { cause });
  return new Promise((resolve, reject) => {
    const child = spawn(command, GPU_QUERY, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    // Not the child's end: one that hangs in the kernel does not end when it is killed.
    const giveUp = (text: string) => {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      settle(() => reject(failure(text)));
    };
    const cancel = () => giveUp('cancelled');
    const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs} ms`), timeoutMs);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      act();
    };
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    child.once('error', (error: NodeJS.ErrnoException) =>
      settle(() => (error.code === 'ENOENT' ? resolve([]) : reject(failure(error.message, error)))),
    );
    child.once('close', (code) =>
      settle(() => {
        const gpus = code === 0 ? parseGpus(output) : [];
        if (gpus.length > 0 || /no devices were found/i.test(output)) resolve(gpus);
        else reject(failure(code === 0 ? `answered with no GPU: ${output}` : `ended with ${code}: ${output}`));
      }),
    );
  });
}
