import type { Makings } from '../domain/memo.js';
import { networkName } from './docker-labels.js';
import { canonicalReference, parseReference } from './docker-reference.js';
import { specHash } from './docker-spec.js';
import type { Claim, InstanceSpec, ObservedInstance } from './driver.js';
import {
  EngineError,
  type EngineErrorKind,
  type EngineErrorReason,
  type EngineEvent,
  type EngineImage,
  type StoredImage,
} from './driver.js';

/** What the process of an instance does once started. By default it runs until it is stopped. */
export interface ProcessBehaviour {
  /** It ends at once with this code. */
  readonly exits?: number;
  readonly output?: string;
  /** The engine refuses to start it, for good. */
  readonly startError?: string;
}

export interface MemoryContainer {
  readonly dockerId: string;
  name: string;
  readonly instance: InstanceSpec;
  readonly specHash: string;
  state: ObservedInstance['state'];
  exitCode: number;
  error: string;
  startedAt: string;
  health: ObservedInstance['health'];
  output: string;
}

/** State and rules of an engine without Docker: what the calls mean, apart from how they arrive (see memory-driver). */
export class MemoryEngine {
  readonly containers = new Map<string, MemoryContainer>();
  readonly images = new Map<string, EngineImage>();
  readonly networks = new Set<string>();
  readonly listeners = new Set<(controlPlaneId: string, event: EngineEvent) => void>();
  /** Devices in the hands of containers that no control plane made. */
  foreignGpus: readonly string[] = [];
  claim: Claim | null = null;
  #made = 0;
  /** By the container that they are of. */
  readonly #groups = new Map<string, Set<MemoryContainer>>();
  /** Addresses and ports of what runs. */
  readonly #bound = new Set<string>();

  constructor(
    readonly host: string,
    private readonly now: () => number,
    private readonly behaviour: (instance: InstanceSpec) => ProcessBehaviour,
  ) {}

  findImage(reference: string): EngineImage | null {
    const byId = [...this.images.values()].find((image) => image.id === reference || image.pullReference === reference);
    return this.images.get(reference) ?? byId ?? null;
  }

  /** Each of one GB. */
  storedImages(): readonly StoredImage[] {
    const used = new Set([...this.containers.values()].map(({ instance }) => instance.imageId));
    const byId = new Map([...this.images.values()].map((image) => [image.id, image]));
    return [...byId.values()].map(({ id, pullReference }) => {
      const names = [...this.images].flatMap(([name, image]) => (image.id === id ? [name] : []));
      const tags = names.filter((name) => !name.includes('@')).map(canonicalReference);
      return { id, tags, digests: pullReference === null ? [] : [pullReference], size: 1e9, inUse: used.has(id) };
    });
  }

  removeImage(reference: string): void {
    if (parseReference(reference)?.kind !== 'name') this.fail('PERMANENT', `remove image ${reference}: no name of one`);
    const wanted = canonicalReference(reference);
    for (const [name, image] of this.images) {
      if (canonicalReference(name) !== wanted && image.pullReference !== reference) continue;
      const used = [...this.containers.values()].some(({ instance }) => instance.imageId === image.id);
      if (used) this.fail('CONFLICT', `remove image ${reference}: it is in use`);
      this.images.delete(name);
    }
  }

  create(instance: InstanceSpec): void {
    if (this.findImage(instance.imageId) === null) this.fail('NOT_FOUND', `No such image: ${instance.imageId}`);
    if (this.containers.has(instance.name)) this.fail('CONFLICT', `the name ${instance.name} is in use`);
    this.#made += 1;
    const container: MemoryContainer = {
      dockerId: this.#made.toString(16).padStart(64, '0'),
      name: instance.name,
      instance,
      specHash: specHash(instance),
      state: 'CREATED',
      exitCode: 0,
      error: '',
      startedAt: '0001-01-01T00:00:00Z',
      health: null,
      output: '',
    };
    this.containers.set(instance.name, container);
    this.#group(container).add(container);
    this.#tell(container, 'create');
  }

  start(name: string): void {
    const container = this.container(name);
    if (container.state === 'RUNNING') return;
    const { instance } = container;
    const network = networkName(instance.identity.controlPlaneId);
    if (!this.networks.has(network)) this.fail('PERMANENT', `network ${network} not found`);
    const { startError, exits, output = '' } = this.behaviour(instance);
    if (startError !== undefined) this.#refuse(container, 'PERMANENT', startError);
    if (this.#portTaken(instance))
      this.#refuse(container, 'TRANSIENT', `port ${instance.port} is already allocated`, 'PORT_TAKEN');
    this.#made += 1;
    container.state = 'RUNNING';
    this.#bound.add(boundBy(instance));
    container.error = '';
    container.exitCode = 0;
    // Each start has a text of its own, though the clock stands still.
    container.startedAt = `${new Date(this.now()).toISOString()}+${this.#made}`;
    container.health = this.findImage(instance.imageId)?.healthCheck ? 'STARTING' : null;
    container.output += output;
    this.#tell(container, 'start');
    if (exits !== undefined) this.exit(name, exits);
  }

  stop(name: string): void {
    if (this.container(name).state === 'RUNNING') this.exit(name, 143);
  }

  /** The process of a running container ends by itself. */
  exit(name: string, code: number): void {
    const container = this.container(name);
    this.#leave(container);
    container.state = 'EXITED';
    container.exitCode = code;
    this.#tell(container, 'die');
  }

  rename(name: string, newName: string): void {
    const container = this.container(name);
    if (this.containers.has(newName)) this.fail('CONFLICT', `the name ${newName} is in use`);
    this.containers.delete(name);
    container.name = newName;
    this.containers.set(newName, container);
    this.#tell(container, 'rename');
  }

  remove(name: string): void {
    const container = this.containers.get(name);
    if (container === undefined) return;
    this.containers.delete(name);
    this.#group(container).delete(container);
    this.#leave(container);
    this.#tell(container, 'destroy');
  }

  /** What a restart of the host does: everything that ran has ended. */
  reboot(): void {
    for (const container of this.containers.values()) if (container.state === 'RUNNING') this.exit(container.name, 137);
  }

  /** Those of one container, whoever made them. */
  ofContainer(containerId: string): Iterable<MemoryContainer> {
    return this.#groups.get(containerId) ?? [];
  }

  container(name: string): MemoryContainer {
    return this.containers.get(name) ?? this.fail('NOT_FOUND', `No such container: ${name}`);
  }

  fail(kind: EngineErrorKind, text: string, reason: EngineErrorReason | null = null): never {
    throw new EngineError(kind, this.host, text, { reason });
  }

  /** As on a real engine, a container that could not start keeps the reason and can be tried again. */
  #refuse(
    container: MemoryContainer,
    kind: EngineErrorKind,
    text: string,
    reason: EngineErrorReason | null = null,
  ): never {
    container.error = text;
    container.exitCode = 128;
    return this.fail(kind, text, reason);
  }

  #portTaken(instance: InstanceSpec): boolean {
    return instance.port !== null && this.#bound.has(boundBy(instance));
  }

  /** What ran is up no longer: its port is free. */
  #leave({ state, instance }: MemoryContainer): void {
    if (state === 'RUNNING') this.#bound.delete(boundBy(instance));
  }

  #group({ instance: { identity } }: MemoryContainer): Set<MemoryContainer> {
    const { containerId } = identity;
    const group = this.#groups.get(containerId) ?? new Set();
    this.#groups.set(containerId, group);
    return group;
  }

  #tell({ instance: { identity } }: MemoryContainer, action: string): void {
    const event = { containerId: identity.containerId, instanceId: identity.instanceId, action };
    for (const listener of this.listeners) listener(identity.controlPlaneId, event);
  }
}

const boundBy = ({ address, port }: InstanceSpec): string => `${address}:${port}`;

export function observeMemory(container: MemoryContainer): ObservedInstance {
  const { instance, name } = container;
  const prefix = `ls-${instance.identity.instanceId}-f`;
  return {
    dockerId: container.dockerId,
    name,
    identity: instance.identity,
    fence: name.startsWith(prefix) ? Number(name.slice(prefix.length)) : 0,
    specHash: container.specHash,
    state: container.state,
    exitCode: container.exitCode,
    oomKilled: false,
    error: container.error,
    startedAt: container.startedAt,
    health: container.health,
    imageId: instance.imageId,
    gpuUuids: instance.gpuUuids,
    port: instance.port,
  };
}

export function memoryMakings({ instance }: MemoryContainer): Makings {
  const { memo = '', spec } = instance;
  const { command: entrypoint, args: cmd, environment } = spec.image;
  return { memo, entrypoint, cmd, environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`) };
}
