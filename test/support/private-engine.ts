import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { command } from './command.js';
import { endUnbegun } from './unbegun.js';
import { until } from './until.js';

/** A private Docker Engine below `dir`, as scripts/setup/engine.sh makes it, with stand-in GPUs. */
export interface PrivateEngine {
  /** unix://... */
  readonly endpoint: string;
  readonly socketPath: string;
  readonly dir: string;
  readonly gpuUuids: readonly string[];
  /** Runs Docker's client on it and returns its stdout. */
  docker(...args: string[]): Promise<string>;
  /** Puts the images that need no registry on it: `longshore/busybox:latest`, `longshore/demo-app:latest`. */
  images(...names: ('busybox' | 'app')[]): Promise<void>;
  /** The UUIDs that a container got from the stand-in at its last start; none when it never got any. */
  gpusSeen(containerId: string): string[];
  /** What its stand-in GPUs saw that must not be: a line for each container that was started with one that another ran with. */
  gpuOverlaps(): string[];
  /** From now on every container with GPUs fails to start with this text; undefined mends it. */
  failGpus(message: string | undefined): void;
  /** Its GPUs are not there any more, as when they fall off the bus; until `findGpus`. */
  loseGpus(): void;
  findGpus(): void;
  /** From now on starts of containers with GPUs wait in the middle, until they are let go. */
  holdGpuStarts(): GpuStarts;
  /** Runs containerd's client on what this engine's containerd has of its containers, and returns its stdout. */
  ctr(...args: string[]): Promise<string>;
  /** dockerd ends in order, as for a restart by systemd: its containers with it, but with live-restore. */
  shutDown(): Promise<void>;
  /** SIGKILL to dockerd; containerd and the containers live on. */
  killDockerd(): Promise<void>;
  /** SIGKILL to the engine alone; its containers live on. */
  kill(): Promise<void>;
  /** What a power failure does: engine and containers are gone, the disk is as it was. */
  crash(): Promise<void>;
  /** Starts it again after shutDown(), kill() or crash(), on its old data. What it was starting when it was killed is ended first, or stays as it is. */
  start(begun?: 'ENDED' | 'LEFT'): Promise<void>;
  /** SIGSTOP: connections are accepted, nothing answers. */
  stop(): Promise<void>;
  cont(): Promise<void>;
  /** Ends it, its containers and its network, and deletes `dir`. */
  remove(): Promise<void>;
}

export interface GpuStarts {
  /** Whether any waits now. */
  waiting(): boolean;
  letGo(): void;
}

export interface EngineOptions {
  readonly dir: string;
  /** How many stand-in GPUs it has, NVIDIA H200 with 143771 MiB each. Default 2. */
  readonly gpus?: number;
  /** A network namespace, which then belongs to the engine. Default: the machine's own network. */
  readonly netns?: string;
  /** Members of dockerd's daemon.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

const script = (name: string) => treePath('scripts', 'setup', name);
const standIn = treePath('test', 'support', 'hosts', 'nvidia');

export async function startPrivateEngine(options: EngineOptions): Promise<PrivateEngine> {
  const { dir } = options;
  const gpuDir = `${dir}-gpus`; // beside it: the engine's own directory is made and deleted by the script
  const configFile = join(gpuDir, 'config.json');
  mkdirSync(gpuDir, { recursive: true });
  writeFileSync(configFile, JSON.stringify(options.config ?? {}));
  const gpuUuids = writeDevices(gpuDir, options.gpus ?? 2);

  const engine = (action: string, ...args: string[]) =>
    command(script('engine.sh'), [action, dir, ...args], {
      env: { LONGSHORE_GPU_DIR: gpuDir, PATH: `${standIn}:${process.env.PATH ?? ''}` },
    });
  const start = (...args: string[]) =>
    engine(
      'start',
      '--config',
      configFile,
      ...(options.netns === undefined ? [] : ['--netns', options.netns]),
      ...args,
    );
  const pids = async () => (await engine('pid')).split('\n').filter((pid) => pid !== '');
  const signal = async (name: NodeJS.Signals) => {
    for (const pid of await pids()) process.kill(Number(pid), name);
  };
  // The signal is delivered a moment after it is sent, and an engine may still answer in it.
  const stop = async () => {
    await signal('SIGSTOP');
    for (const pid of await pids()) await until(`process ${pid} has stopped`, () => threadsStopped(pid));
  };

  const endpoint = await start(...(options.netns === undefined ? [] : ['--keep']));
  const socketPath = endpoint.replace('unix://', '');
  return {
    endpoint,
    socketPath,
    dir,
    gpuUuids,
    docker: (...args) => docker(endpoint, ...args),
    images: (...names) => images(endpoint, ...names),
    gpusSeen: (containerId) => gpusSeen(gpuDir, containerId),
    gpuOverlaps: () => linesIn(join(gpuDir, 'overlaps')),
    failGpus: (message) =>
      message === undefined
        ? rmSync(join(gpuDir, 'fail'), { force: true })
        : writeFileSync(join(gpuDir, 'fail'), message),
    loseGpus: () => void writeDevices(gpuDir, 0),
    findGpus: () => void writeDevices(gpuDir, gpuUuids.length),
    holdGpuStarts: () => holdGpuStarts(gpuDir),
    ctr: (...args) => command('ctr', ['--address', join(dirname(socketPath), 'containerd.sock'), ...args]),
    shutDown: async () => {
      await signal('SIGTERM');
      await until('dockerd has ended', async () => (await pids()).length === 0);
    },
    killDockerd: () => signal('SIGKILL'),
    kill: async () => void (await engine('kill')),
    crash: async () => void (await engine('crash')),
    start: async (begun = 'ENDED') => {
      if (begun === 'ENDED') await endUnbegun(dir);
      await start('--keep');
    },
    stop,
    cont: () => signal('SIGCONT'),
    remove: async () => {
      await engine('stop');
      rmSync(gpuDir, { recursive: true, force: true });
    },
  };
}

function holdGpuStarts(gpuDir: string): GpuStarts {
  const held = join(gpuDir, 'held');
  rmSync(held, { recursive: true, force: true });
  writeFileSync(join(gpuDir, 'hold'), '');
  return {
    waiting: () => namesIn(held).length > 0,
    letGo: () => rmSync(join(gpuDir, 'hold'), { force: true }),
  };
}

function threadsStopped(pid: string): boolean {
  const tasks = `/proc/${pid}/task`;
  // After the name in parentheses, which may hold anything.
  return readdirSync(tasks).every((task) =>
    / T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\)/s, '')),
  );
}

export function docker(endpoint: string, ...args: string[]): Promise<string> {
  return command('docker', ['-H', endpoint, ...args], { env: { DOCKER_TLS_VERIFY: '', DOCKER_CONTEXT: '' } });
}

export async function images(endpoint: string, ...names: ('busybox' | 'app')[]): Promise<void> {
  await command(script('images.sh'), [endpoint, ...names]);
}

/** UUIDs are different on every engine, as they are in the world, and the same for one directory. */
function writeDevices(gpuDir: string, count: number): string[] {
  const seed = createHash('sha256').update(gpuDir).digest('hex');
  const uuids = Array.from(
    { length: count },
    (_, i) =>
      `GPU-${seed.slice(0, 8)}-${seed.slice(8, 12)}-4000-8000-${seed.slice(12, 20)}${String(i).padStart(4, '0')}`,
  );
  const lines = uuids.map((uuid, index) => `${index}, ${uuid}, NVIDIA H200, 143771\n`);
  writeFileSync(join(gpuDir, 'devices.csv'), lines.join(''));
  return uuids;
}

function gpusSeen(gpuDir: string, containerId: string): string[] {
  const seen = join(gpuDir, 'seen');
  const file = namesIn(seen).find((name) => name.startsWith(containerId));
  if (file === undefined || containerId === '') return [];
  return readFileSync(join(seen, file), 'utf8')
    .split('\n')
    .flatMap((line) => line.split(', ')[1] ?? []);
}

function linesIn(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return []; // nothing was ever seen
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // nobody was given a GPU yet
  }
}
