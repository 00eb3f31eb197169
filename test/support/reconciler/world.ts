import { type ContainerState, EMPTY_STATE } from '../../../src/domain/container-state.js';
import type { Failure } from '../../../src/domain/errors.js';
import { instanceName } from '../../../src/domain/observed-instance.js';
import type { Operation, OperationKind, Progress } from '../../../src/domain/operation.js';
import type { Revision, RolloutOrder } from '../../../src/domain/revision.js';
import { NEXT_ROUTE_VERSION, type RouteChange } from '../../../src/domain/route.js';
import type { ContainerView, HostedInstance } from '../../../src/reconciler/view.js';
import type { HostSnapshot } from '../../../src/scheduler/placement.js';
import { aHost, anOperation, aRevision, aSnapshot, POLICY } from './builders.js';

/** What an image does when it runs. */
export type Behaviour = 'WELL' | 'EXITS' | 'ILL' | 'NO_IMAGE' | 'NO_CREATE' | 'FULL_DISK' | 'NO_START';

/** What happens at one call to an engine, or at one write: the calls take them from a list, and the rest of the calls go well. */
export type Mishap = 'TRANSIENT' | 'PERMANENT' | 'UNREACHABLE' | 'CRASH_BEFORE' | 'CRASH_AFTER' | 'HANG' | null;

/** The worker's process is gone, or has to give its lease up uncleanly. */
export class Crash extends Error {}

/** An engine's error, as the worker records it. */
export class EngineFault extends Error {
  constructor(
    readonly kind: 'TRANSIENT' | 'PERMANENT' | 'UNREACHABLE',
    readonly reason?: 'PORT_TAKEN' | 'HALF_STARTED' | 'RUNS_UNSEEN',
  ) {
    super(`engine: ${kind}`);
  }
}

export interface SimContainer {
  readonly id: string;
  status: 'ACTIVE' | 'DELETING' | 'GONE';
  state: ContainerState;
  readonly revisions: Map<string, Revision>;
  readonly operations: Operation[];
  route: (RouteChange & { version: number }) | null;
  fence: number;
  unclean: boolean;
  takenOver: boolean;
  /** The holder's last look at Docker, which it may go on from. */
  look: {
    readonly at: number;
    readonly hosts: ReadonlySet<string>;
    readonly observed: readonly HostedInstance[];
  } | null;
}

export const portOf = ({ host, port }: { readonly host: string; readonly port: number | null }): string =>
  `${host}:${port}`;

type Docker = { -readonly [K in keyof HostedInstance]: HostedInstance[K] };

/** Runs a call whose sender is gone: nobody hears how it failed. */
function unheard(effect: () => void): void {
  try {
    effect();
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
  }
}

const CANCELLED: Failure = { code: 'CANCELLED', reason: 'OPERATION_CANCELLED', message: 'before it began' };

export const PORTS = { first: 1, last: 9 };

const HOSTS = [
  aHost('h1', {
    gpus: [
      { uuid: 'g1', name: 'A', memory: 1 },
      { uuid: 'g2', name: 'A', memory: 1 },
    ],
    ports: PORTS,
  }),
  aHost('h2', { gpus: [{ uuid: 'g3', name: 'A', memory: 1 }], ports: PORTS }),
];

/**
 * A model of two engines and a store, small enough to be obviously right: each write is atomic, and each call to an engine happens, or fails,
 * or happens long after its sender is gone. What may never be is checked where it would happen.
 */
export class World {
  now = 1_000_000;
  docker: Docker[] = [];
  readonly containers = new Map<string, SimContainer>();
  readonly down = new Set<string>();
  /** Of those, the ones that never come back, with all that ran there. */
  readonly gone = new Set<string>();
  readonly gpuLeases = new Map<string, string>();
  readonly portLeases = new Map<string, string>();
  /** `host:port` in the hands of processes that are not ours. */
  readonly foreignPorts = new Set<string>();
  /** What the engine is killed in the coming starts of: before the program began, or after it. */
  readonly killedStarts: ('BEFORE' | 'AFTER')[] = [];
  /** Ids of Docker containers that such a start has left something of; of the programs that run, whether the engine has said so. */
  readonly halfStarted = new Set<string>();
  readonly unseen = new Map<string, { told: boolean }>();
  /** Instances that run and do not answer their health checks. */
  readonly sick = new Set<string>();
  readonly late: (() => void)[] = [];
  applied = 0;
  /** As in the policy. */
  watchWindowMs = 60_000;
  capacityVersion = 0;
  private fences = 0;
  private version = 0;
  private ids = 0;
  private starts = 0;

  /** `mishaps` go to the coming calls and writes, in order. The others are as in the policy; a host that is down is lost at once where that counts. */
  constructor(
    readonly mishaps: Mishap[],
    private readonly keepDrainingMs = 0,
    private readonly moveFromLost = false,
  ) {
    for (const id of ['c1', 'c2']) {
      const empty = { state: EMPTY_STATE, revisions: new Map(), operations: [], route: null };
      const lease = { fence: (this.fences += 1), unclean: false, takenOver: true, look: null };
      this.containers.set(id, { id, status: 'ACTIVE', ...empty, ...lease });
    }
  }

  /** What happens to a host that burns, when somebody has said so. */
  burn(host: string): void {
    this.docker = this.docker.filter((docker) => docker.host !== host);
    this.down.add(host);
    this.gone.add(host);
  }

  /** From here on nothing goes wrong any more, and whatever was under way arrives. Ports that others have stay theirs. */
  calm(): void {
    this.mishaps.length = 0;
    this.down.clear();
    this.sick.clear();
    for (const call of this.late.splice(0)) call();
    this.endUnseen();
  }

  /**
   * A person ends all programs that Docker does not know of, and removes the containers of which it is said that they may have one, where nobody
   * wants them, or where no start can show that it has ended, since something else has their port.
   */
  endUnseen(): void {
    const instances = [...this.containers.values()].flatMap(({ status, state }) =>
      state.instances.map((instance) => ({
        ...instance,
        isWanted: instance.role === 'SERVING' && status === 'ACTIVE',
      })),
    );
    this.docker = this.docker.filter((docker) => {
      const instance = instances.find(({ id }) => id === docker.identity.instanceId);
      const mayRun = this.unseen.has(docker.dockerId) || (instance?.unseen ?? null) !== null;
      return !mayRun || (instance?.isWanted && !this.foreignPorts.has(portOf(docker)));
    });
    this.unseen.clear();
    this.killedStarts.length = 0;
  }

  nextId(prefix: string): string {
    this.ids += 1;
    return `${prefix}${this.ids}`;
  }

  // What callers do.

  submit(container: SimContainer, kind: OperationKind, part: Partial<Operation> = {}): void {
    if (container.status !== 'ACTIVE' && kind !== 'DELETE') return;
    if (kind === 'DELETE') {
      if (container.operations.some((operation) => operation.kind === 'DELETE' && operation.state !== 'DONE')) return;
      for (const operation of container.operations)
        if (operation.state === 'QUEUED') this.end(container, operation.id, CANCELLED);
      container.status = 'DELETING';
    }
    const created = { createdAt: this.now, containerId: container.id, state: 'QUEUED' as const };
    container.operations.push(anOperation(this.nextId('op'), kind, { ...created, ...part }));
  }

  deploy(container: SimContainer, behaviour: Behaviour, order: RolloutOrder, gpus: number): void {
    if (container.status !== 'ACTIVE') return;
    const spec = {
      image: { url: behaviour, command: [], args: [], environment: {}, workingDir: '' },
      rolloutOrder: order,
      gpus: gpus === 0 ? null : { count: gpus, model: '', minMemory: 0 },
    };
    const revision = aRevision(this.nextId('r'), spec, { containerId: container.id });
    container.revisions.set(revision.id, revision);
    this.submit(container, 'DEPLOY', { revisionId: revision.id });
  }

  cancel(container: SimContainer): void {
    const operation = container.operations.findLast(({ state }) => state !== 'DONE');
    if (operation?.state === 'QUEUED' && operation.kind !== 'DELETE') this.end(container, operation.id, CANCELLED);
    else if (operation) this.edit(container, operation.id, { cancelRequested: true });
  }

  // What happens to engines and workers.

  /** The next holder of the lease; unclean unless the former one gave it back with nothing under way. */
  takeOver(container: SimContainer, clean: boolean): void {
    this.fences += 1;
    container.unclean = !clean || (container.unclean && !container.takenOver);
    container.fence = this.fences;
    container.takenOver = !container.unclean;
    container.look = null;
  }

  exit(docker: Docker, exitCode: number): void {
    if (docker.state === 'RUNNING') Object.assign(docker, { state: 'EXITED', exitCode });
  }

  /** Nothing runs there after it, seen or unseen. */
  reboot(host: string): void {
    for (const docker of this.docker.filter((docker) => docker.host === host)) {
      this.exit(docker, 255);
      this.halfStarted.delete(docker.dockerId);
      this.unseen.delete(docker.dockerId);
    }
  }

  /** The host's own cleaning: creates that ran after their instance was forgotten, on hosts that its container uses no more. */
  sweep(): void {
    const known = new Set([...this.containers.values()].flatMap(({ state }) => state.instances.map(({ id }) => id)));
    this.docker = this.docker.filter(({ identity, state }) => state !== 'CREATED' || known.has(identity.instanceId));
  }

  // What the worker reads.

  view(container: SimContainer): ContainerView {
    const hosts = new Set(container.state.instances.map((instance) => instance.host));
    const silent = [...hosts].filter((host) => this.down.has(host) && !this.gone.has(host));
    const unobserved = new Map(silent.map((host) => [host, 'no answer']));
    return {
      now: this.now,
      containerId: container.id,
      status: container.status === 'DELETING' ? 'DELETING' : 'ACTIVE',
      state: container.state,
      revisions: new Map(container.revisions),
      running: container.operations.find(({ state }) => state === 'RUNNING') ?? null,
      queued: container.operations.find(({ state }) => state === 'QUEUED') ?? null,
      deleteRequested: container.operations.some(({ kind, state }) => kind === 'DELETE' && state !== 'DONE'),
      ingresses: [{ ingressId: 'i', appliedVersion: this.applied, busyInstances: [] }],
      capacityVersion: this.capacityVersion,
      capacityWanted: [...this.containers.values()].some(({ state }) => Boolean(state.rollout?.blocked)),
      fence: container.fence,
      unclean: container.unclean,
      observed: this.docker
        .filter(({ host, identity }) => identity.containerId === container.id && hosts.has(host))
        .filter(({ host }) => !unobserved.has(host))
        .map((docker) => ({ ...docker })),
      unobserved,
      lost: new Set(this.moveFromLost ? unobserved.keys() : []),
      gone: this.gone,
      policy: {
        ...POLICY,
        placeTimeoutMs: 60_000,
        keepDrainingMs: this.keepDrainingMs,
        watchWindowMs: this.watchWindowMs,
        moveFromLost: this.moveFromLost,
      },
    };
  }

  snapshots(): HostSnapshot[] {
    return HOSTS.map((host) => {
      const mine = (key: string) => key.startsWith(`${host.name}:`);
      return aSnapshot(this.down.has(host.name) ? { ...host, state: 'UNREACHABLE' } : host, {
        takenGpus: new Set(this.gpuLeases.keys()),
        takenPorts: new Set([...this.portLeases.keys()].filter(mine).map((key) => Number(key.split(':')[1]))),
      });
    });
  }

  // What the worker writes: each is one script.

  write(container: SimContainer, state: ContainerState, effect: () => void = () => {}): void {
    const mishap = this.mishaps.shift() ?? null;
    if (mishap === 'CRASH_BEFORE') throw new Crash();
    effect();
    container.state = state;
    if (mishap === 'CRASH_AFTER') throw new Crash();
  }

  writeRoute(container: SimContainer, state: ContainerState, route: RouteChange, effect: () => void = () => {}): void {
    const version = this.version + 1;
    const text = JSON.stringify(state).replaceAll(String(NEXT_ROUTE_VERSION), String(version));
    this.write(container, JSON.parse(text), () => {
      this.version = version;
      container.route = { ...route, version };
      effect();
    });
  }

  lease(instance: { id: string; host: string; gpuUuids: readonly string[]; port: number | null }): void {
    const port = portOf(instance);
    const taken = instance.gpuUuids.some((uuid) => this.gpuLeases.has(uuid)) || this.portLeases.has(port);
    if (taken) throw new Error(`devices of ${instance.id} are leased twice`);
    for (const uuid of instance.gpuUuids) this.gpuLeases.set(uuid, instance.id);
    this.portLeases.set(port, instance.id);
  }

  release(instanceId: string): void {
    const running = this.docker.find(
      ({ identity, state }) => identity.instanceId === instanceId && state === 'RUNNING',
    );
    if (running) throw new Error(`${running.name} runs, but its leases end`);
    this.expectSeen(instanceId, 'its leases end');
    this.capacityVersion += 1;
    for (const leases of [this.gpuLeases, this.portLeases]) {
      for (const [key, holder] of leases) if (holder === instanceId) leases.delete(key);
    }
  }

  private expectSeen(instanceId: string, what: string): void {
    const { name } =
      this.docker.find((d) => d.identity.instanceId === instanceId && this.unseen.get(d.dockerId)?.told) ?? {};
    if (name) throw new Error(`${name} runs unseen, but ${what}`);
  }

  /** Another port for an instance without a container. */
  movePort({ id, ...from }: { id: string; host: string; port: number | null }, port: number): void {
    const there = this.docker.find(({ identity, port: bound }) => identity.instanceId === id && bound === from.port);
    if (there) throw new Error(`${there.name} is there, but its port is given up`);
    const to = portOf({ ...from, port });
    if (this.portLeases.has(to)) throw new Error(`port ${to} is leased twice`);
    this.portLeases.delete(portOf(from));
    this.portLeases.set(to, id);
  }

  move(from: string, to: string): void {
    const running = this.docker.find(({ identity, state }) => identity.instanceId === from && state === 'RUNNING');
    if (running) throw new Error(`${running.name} runs, but its leases go to ${to}`);
    this.expectSeen(from, `its leases go to ${to}`);
    for (const leases of [this.gpuLeases, this.portLeases]) {
      for (const [key, holder] of leases) if (holder === from) leases.set(key, to);
    }
  }

  edit(container: SimContainer, operationId: string, part: Partial<Operation>): void {
    const at = container.operations.findIndex(({ id }) => id === operationId);
    const operation = container.operations[at];
    if (operation) container.operations[at] = { ...operation, ...part };
  }

  end(container: SimContainer, operationId: string, failure: Failure | null = null): void {
    const operation = container.operations.find(({ id }) => id === operationId);
    if (operation?.state === 'DONE') throw new Error(`operation ${operationId} ends twice`);
    const result = failure === null ? ({ kind: 'EMPTY' } as const) : ({ kind: 'ERROR', failure } as const);
    this.edit(container, operationId, { state: 'DONE', result });
  }

  progress(container: SimContainer, progress: Progress | null): void {
    const running = container.operations.find(({ state }) => state === 'RUNNING');
    if (!running || !progress) return;
    const before = running.progress;
    const turned = (progress.step === 'RESTORE') !== (before?.step === 'RESTORE');
    if (before && !turned && progress.percent < before.percent) {
      throw new Error(`progress falls from ${JSON.stringify(before)} to ${JSON.stringify(progress)}`);
    }
    this.edit(container, running.id, { progress });
  }

  // Calls to engines.

  call(host: string, effect: () => void): void {
    if (this.down.has(host)) throw new EngineFault('UNREACHABLE');
    const mishap = this.mishaps.shift() ?? null;
    switch (mishap) {
      case 'TRANSIENT':
      case 'PERMANENT':
      case 'UNREACHABLE':
        throw new EngineFault(mishap);
      case 'CRASH_BEFORE':
        throw new Crash();
      case 'HANG':
        this.late.push(() => unheard(effect));
        throw new Crash();
      default:
        effect();
    }
    if (mishap === 'CRASH_AFTER') throw new Crash();
  }

  create(created: Omit<HostedInstance, 'dockerId' | 'name'>): void {
    const name = instanceName(created.identity.instanceId, created.fence);
    if (this.docker.some((docker) => docker.name === name)) return;
    this.docker.push({ ...created, name, dockerId: this.nextId('d') });
  }

  start(name: string, behaviour: Behaviour): void {
    const docker = this.docker.find((candidate) => candidate.name === name);
    if (!docker || docker.state === 'RUNNING') return;
    if (this.foreignPorts.has(portOf(docker))) throw new EngineFault('TRANSIENT', 'PORT_TAKEN');
    if (this.halfStarted.has(docker.dockerId)) throw new EngineFault('TRANSIENT', 'HALF_STARTED');
    const unseen = this.unseen.get(docker.dockerId);
    if (unseen) {
      unseen.told = true;
      throw new EngineFault('TRANSIENT', 'RUNS_UNSEEN');
    }
    const killed = this.killedStarts.shift();
    if (killed === 'BEFORE') this.halfStarted.add(docker.dockerId);
    if (killed === 'AFTER') this.unseen.set(docker.dockerId, { told: false });
    if (killed) throw new EngineFault('TRANSIENT');
    const rival = this.docker.find((other) => other.state === 'RUNNING' && portOf(other) === portOf(docker));
    if (rival) throw new Error(`${rival.name} and ${name} publish the same port`);
    this.starts += 1;
    Object.assign(docker, { state: 'RUNNING', startedAt: `start ${this.starts}` });
    for (const uuid of docker.gpuUuids) {
      const users = this.docker.filter(({ state, gpuUuids }) => state === 'RUNNING' && gpuUuids.includes(uuid));
      if (users.length > 1) throw new Error(`${uuid} is used by ${users.map((user) => user.name).join(' and ')}`);
    }
    if (behaviour === 'EXITS') this.exit(docker, 1);
  }

  rename(name: string, newName: string): void {
    const docker = this.docker.find((candidate) => candidate.name === name);
    if (!docker || this.docker.some((other) => other.name === newName)) return;
    Object.assign(docker, { name: newName, fence: Number(newName.split('-f')[1]) });
  }

  stop(name: string): void {
    const docker = this.docker.find((candidate) => candidate.name === name);
    if (docker) this.exit(docker, 0);
  }

  remove(name: string): void {
    const docker = this.docker.find((candidate) => candidate.name === name);
    if (docker && this.unseen.get(docker.dockerId)?.told) throw new Error(`${name} runs unseen, but is removed`);
    this.docker = this.docker.filter((docker) => docker.name !== name);
  }
}
