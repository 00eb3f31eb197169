import { join } from 'node:path';
import { docker, images, type PrivateEngine, startPrivateEngine } from './private-engine.js';
import { newDirectory } from './run-directory.js';

/**
 * The engine that the tests of one run share. It is in the machine's own network: published ports answer on 127.0.0.1.
 * Tests of one run use it at the same time, so look only at what you made (a control-plane id of your own, names of your own),
 * and remove that again. It has no GPUs and is never stopped; for that take `startHosts` or `startPrivateEngine`.
 */
export interface SharedEngine {
  /** A DOCKER_HOST value. */
  readonly endpoint: string;
  /** The path of its socket; empty when the engine is not on a unix socket. */
  readonly socketPath: string;
  readonly address: '127.0.0.1';
  docker(...args: string[]): Promise<string>;
  images(...names: ('busybox' | 'app')[]): Promise<void>;
}

/**
 * The engine at LONGSHORE_TEST_DOCKER_HOST, where scripts/test.sh has put one; else one that is started now and ended
 * when the run of Jest ends. The images are on it.
 */
export async function sharedEngine(): Promise<SharedEngine> {
  const given = process.env.LONGSHORE_TEST_DOCKER_HOST;
  if (given !== undefined && given !== '') return shared(given);
  const run = process.env.LONGSHORE_RUN;
  if (run === undefined)
    throw new Error('LONGSHORE_RUN is not set: run the tests with the jest.config of this project');
  // Workers ask for the same directory; the script lets one start it and shows it to the others.
  const engine = await startPrivateEngine({ dir: join(run, 'engine'), gpus: 0 });
  await engine.images('busybox', 'app');
  return shared(engine.endpoint);
}

/** An engine for one test alone, with stand-in GPUs, in the machine's own network; the test calls `remove()`. `config`: members of its daemon.json. */
export function ownEngine(gpus = 2, config: Readonly<Record<string, unknown>> = {}): Promise<PrivateEngine> {
  return startPrivateEngine({ dir: join(newDirectory('engine'), 'e'), gpus, config });
}

function shared(endpoint: string): SharedEngine {
  return {
    endpoint,
    socketPath: endpoint.startsWith('unix://') ? endpoint.slice('unix://'.length) : '',
    address: '127.0.0.1',
    docker: (...args) => docker(endpoint, ...args),
    images: (...names) => images(endpoint, ...names),
  };
}
