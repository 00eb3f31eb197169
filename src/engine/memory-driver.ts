import { isActive } from '../domain/observed-instance.js';
import { networkName } from './docker-labels.js';
import { type EngineDriver, EngineError, type EngineEvent, type EngineImage, type InstanceSpec } from './driver.js';
import {
  type MemoryContainer,
  MemoryEngine,
  memoryMakings,
  observeMemory,
  type ProcessBehaviour,
} from './memory-engine.js';

export interface MemoryHostOptions {
  readonly host: string;
  /** Milliseconds; for the times of starts. Default: the machine's clock. */
  readonly now?: () => number;
  /** How long each answer takes; 0 still answers in a later turn. */
  readonly latencyMs?: number;
  /** After it a call to a suspended engine fails. Default 15 s. */
  readonly timeoutMs?: number;
  readonly memory?: number;
  readonly cores?: number;
  readonly behaviour?: (instance: InstanceSpec) => ProcessBehaviour;
}

type Method = Exclude<keyof EngineDriver, 'host' | 'events'>;
const READS: ReadonlySet<Method> = new Set([
  'ping',
  'info',
  'list',
  'inspect',
  'makings',
  'foreignGpus',
  'findImage',
  'images',
  'logs',
]);

/** One engine in memory, that several control planes may drive, and what a test does to it behind their backs. */
export interface MemoryHost {
  readonly engine: MemoryEngine;
  driver(controlPlaneId: string): EngineDriver;
  /** An image that the engine has. */
  addImage(reference: string, image?: Partial<EngineImage>): EngineImage;
  /** An image that a pull finds. */
  publish(reference: string, image?: Partial<EngineImage>): EngineImage;
  /** From now on no call is answered; each runs when the engine is resumed, whether or not its sender still waits. */
  suspend(): void;
  resume(): void;
  /** The next call of this method fails so, before it does anything. */
  failNext(method: Method, error: EngineError): void;
  /** Every call that arrived, oldest first: method and the name it addressed. */
  readonly calls: readonly string[];
}

export function createMemoryHost(options: MemoryHostOptions): MemoryHost {
  const engine = new MemoryEngine(options.host, options.now ?? Date.now, options.behaviour ?? (() => ({})));
  const registry = new Map<string, EngineImage>();
  const faults = new Map<Method, EngineError[]>();
  const calls: string[] = [];
  const gate = createGate();
  const line = { options, engine, registry, faults, calls, gate };
  return {
    engine,
    calls,
    driver: (controlPlaneId) => driverOn(line, controlPlaneId),
    addImage: (reference, image = {}) => put(engine.images, reference, image),
    publish: (reference, image = {}) => put(registry, reference, image),
    suspend: gate.close,
    resume: gate.open,
    failNext: (method, error) => void faults.set(method, [...(faults.get(method) ?? []), error]),
  };
}

interface Line {
  readonly options: MemoryHostOptions;
  readonly engine: MemoryEngine;
  readonly registry: Map<string, EngineImage>;
  readonly faults: Map<Method, EngineError[]>;
  readonly calls: string[];
  readonly gate: Gate;
}

function driverOn(line: Line, controlPlaneId: string): EngineDriver {
  const { engine, registry, options } = line;
  const isOwn = ({ instance }: MemoryContainer) => instance.identity.controlPlaneId === controlPlaneId;
  const { memory = 64 * 2 ** 30, cores = 16 } = options;
  return {
    host: options.host,
    ping: (signal) => send(line, 'ping', '', signal, () => {}),
    info: (signal) => send(line, 'info', '', signal, () => ({ version: 'memory', memory, cores, nvidia: true })),
    list: ({ containerId, active }, signal) =>
      send(line, 'list', containerId ?? '', signal, () => {
        const all = containerId === undefined ? engine.containers.values() : engine.ofContainer(containerId);
        const found = [...all].filter(isOwn).map(observeMemory);
        return active ? found.filter(({ state }) => isActive(state)) : found;
      }),
    inspect: (name, signal) =>
      send(line, 'inspect', name, signal, () => {
        const found = engine.containers.get(name);
        return found !== undefined && isOwn(found) ? observeMemory(found) : null;
      }),
    makings: (name, signal) =>
      send(line, 'makings', name, signal, () => {
        const found = engine.containers.get(name);
        return found !== undefined && isOwn(found) ? memoryMakings(found) : null;
      }),
    foreignGpus: (allUuids, signal) =>
      send(line, 'foreignGpus', '', signal, () => {
        const others = [...engine.containers.values()].filter((c) => c.state === 'RUNNING' && !isOwn(c));
        const taken = new Set([...engine.foreignGpus, ...others.flatMap((c) => c.instance.gpuUuids)]);
        return allUuids.filter((uuid) => taken.has(uuid));
      }),
    findImage: (reference, signal) =>
      send(line, 'findImage', reference, signal, () => {
        if (!/^[\w.:/@-]+$/.test(reference)) engine.fail('PERMANENT', `inspect image ${reference}: no image reference`);
        return engine.findImage(reference);
      }),
    pull: (reference, { onProgress, signal }) =>
      send(line, 'pull', reference, signal, () => {
        const image = registry.get(reference);
        if (image === undefined)
          return engine.fail('PERMANENT', `pull ${reference}: manifest unknown`, 'IMAGE_NOT_FOUND');
        for (const bytesDone of [0, 512, 1024]) onProgress({ bytesDone, bytesTotal: 1024 });
        engine.images.set(reference, image);
        return image;
      }),
    images: (signal) => send(line, 'images', '', signal, () => engine.storedImages()),
    removeImage: (reference, signal) =>
      send(line, 'removeImage', reference, signal, () => engine.removeImage(reference)),
    create: (instance, signal) => send(line, 'create', instance.name, signal, () => engine.create(instance)),
    start: (name, signal) => send(line, 'start', name, signal, () => engine.start(name)),
    stop: (name, _grace, signal) => send(line, 'stop', name, signal, () => engine.stop(name)),
    rename: (name, newName, signal) => send(line, 'rename', name, signal, () => engine.rename(name, newName)),
    remove: (name, signal) => send(line, 'remove', name, signal, () => engine.remove(name)),
    logs: (name, { lines, bytes }, signal) =>
      send(line, 'logs', name, signal, () => {
        const text = engine.container(name).output.slice(-bytes).replace(/\n$/, '');
        return text.split('\n').slice(-lines).join('\n');
      }),
    ensureNetwork: (signal) =>
      send(line, 'ensureNetwork', '', signal, () => void engine.networks.add(networkName(controlPlaneId))),
    claim: (signal) =>
      send(line, 'claim', '', signal, () => {
        engine.claim ??= { owner: controlPlaneId, as: options.host };
        return engine.claim;
      }),
    events: (signal, listening) => eventsOf(engine, controlPlaneId, signal, listening),
  };
}

/**
 * Sends a call as the network would: it arrives, and its sender waits for the answer until its time is up or it leaves. What has
 * arrived runs in any case, as on a real engine.
 */
function send<T>(line: Line, method: Method, name: string, signal: AbortSignal | undefined, run: () => T): Promise<T> {
  const { options, gate, faults, calls } = line;
  const what = `${method} ${name}`;
  const { host, latencyMs = 0, timeoutMs = 15_000 } = options;
  if (signal?.aborted) {
    return Promise.reject(new EngineError('UNREACHABLE', host, `${what}: cancelled before it was sent`));
  }
  return new Promise((resolve, reject) => {
    const unanswered = () => {
      ended();
      reject(new EngineError(READS.has(method) ? 'UNREACHABLE' : 'UNKNOWN_OUTCOME', host, `${what}: no answer`));
    };
    let timeUp: NodeJS.Timeout | undefined;
    const ended = () => {
      clearTimeout(timeUp);
      signal?.removeEventListener('abort', unanswered);
    };
    signal?.addEventListener('abort', unanswered);
    const arrive = () => {
      ended();
      calls.push(`${method} ${name}`.trim());
      try {
        const fault = faults.get(method)?.shift();
        if (fault !== undefined) throw fault;
        resolve(run());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    setTimeout(() => {
      // Only who finds it closed has to wait, and so needs a timer.
      if (!gate.isOpen()) timeUp = setTimeout(unanswered, timeoutMs).unref();
      gate.pass(arrive);
    }, latencyMs);
  });
}

interface Gate {
  close(): void;
  open(): void;
  isOpen(): boolean;
  /** Now, or when it is opened. */
  pass(action: () => void): void;
}

function createGate(): Gate {
  let closed = false;
  const waiting: (() => void)[] = [];
  return {
    close: () => {
      closed = true;
    },
    open: () => {
      closed = false;
      for (const action of waiting.splice(0)) action();
    },
    isOpen: () => !closed,
    pass: (action) => {
      if (closed) waiting.push(action);
      else action();
    },
  };
}

async function* eventsOf(
  engine: MemoryEngine,
  controlPlaneId: string,
  signal: AbortSignal,
  listening: () => void = () => undefined,
): AsyncGenerator<EngineEvent, void, undefined> {
  const waiting: EngineEvent[] = [];
  let wake = () => {};
  const listener = (owner: string, event: EngineEvent) => {
    if (owner === controlPlaneId) waiting.push(event);
    wake();
  };
  const stop = () => wake();
  engine.listeners.add(listener);
  signal.addEventListener('abort', stop, { once: true });
  listening();
  try {
    while (!signal.aborted) {
      yield* waiting.splice(0);
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (waiting.length > 0) resolve();
      });
    }
  } finally {
    engine.listeners.delete(listener);
    signal.removeEventListener('abort', stop);
  }
}

function put(images: Map<string, EngineImage>, reference: string, image: Partial<EngineImage>): EngineImage {
  const id = image.id ?? `sha256:${Buffer.from(reference).toString('hex').padEnd(64, '0').slice(0, 64)}`;
  const made = { id, digest: id, pullReference: null, healthCheck: false, ...image };
  images.set(reference, made);
  return made;
}
