import { INSTANCE_PORT, type Resources, type RevisionSpec } from '../domain/revision.js';
import { LABEL, networkName } from './docker-labels.js';
import type { InstanceSpec } from './driver.js';
import { fnv128 } from './fnv128.js';

/** What an operator may set for all containers of an engine. */
export interface ContainerDefaults {
  readonly pidsLimit: number;
  /** Size of one log file, in Docker's notation (`10m`). */
  readonly logMaxSize: string;
  readonly logMaxFiles: number;
  /** Unlimited locked memory for containers with GPUs. An engine that may not raise it itself cannot start them then. */
  readonly raiseMemlock: boolean;
}

export const CONTAINER_DEFAULTS: ContainerDefaults = {
  pidsLimit: 4096,
  logMaxSize: '10m',
  logMaxFiles: 3,
  raiseMemlock: false,
};

/**
 * What package managers, sshd and servers that drop privileges need: Docker's default set without NET_RAW (forged packets on
 * the bridge) and MKNOD (device nodes).
 */
export const CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
] as const;

const RESERVED_PREFIX = 'LONGSHORE_GPU_';
const STACK_WITH_GPUS = 64 * 1024 * 1024;

/** The body of POST /containers/create, as far as we use it. */
export interface CreateBody {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly HostConfig: HostConfig;
}

export interface HostConfig {
  readonly Init: true;
  readonly RestartPolicy: { readonly Name: 'no' };
  readonly NetworkMode: string;
  readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>;
  readonly PidsLimit: number;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly NanoCpus?: number;
  readonly ShmSize?: number;
  readonly SecurityOpt: readonly string[];
  readonly CapDrop: readonly string[];
  readonly CapAdd: readonly string[];
  readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly DeviceRequests: readonly DeviceRequest[];
  readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
}

export interface DeviceRequest {
  readonly Driver: string;
  readonly DeviceIDs: readonly string[];
  readonly Capabilities: readonly (readonly string[])[];
}

/**
 * The create body of one instance. Docker fixes all of it at create, labels included.
 *
 * @param hostIp where the port is bound: the instance's address, or what that name resolves to.
 */
export function createBody(instance: InstanceSpec, defaults: ContainerDefaults, hostIp: string): CreateBody {
  const { spec } = instance;
  const { command, args, workingDir } = spec.image;
  return {
    Image: instance.imageId,
    // As in Kubernetes: a command alone also silences the image's arguments, which the engine does when Cmd is absent.
    ...(command.length > 0 && { Entrypoint: command }),
    ...(args.length > 0 && { Cmd: args }),
    ...(workingDir !== '' && { WorkingDir: workingDir }),
    Env: environment(spec, instance.gpuUuids),
    Labels: labels(instance),
    ExposedPorts: instance.port === null ? {} : { [`${INSTANCE_PORT}/tcp`]: {} },
    HostConfig: hostConfig(instance, defaults, hostIp),
  };
}

/**
 * Tells instances apart by what Docker fixes at create, so that one found under a taken name is adopted only if it is what would
 * be made now. Independent of the operator's defaults: changing those must not orphan what was made before.
 */
export function specHash(instance: Pick<InstanceSpec, 'imageId' | 'spec' | 'gpuUuids' | 'port' | 'address'>): string {
  const { spec } = instance;
  return fnv128(
    JSON.stringify([
      1,
      instance.imageId,
      spec.image.command,
      spec.image.args,
      environment(spec, instance.gpuUuids),
      spec.image.workingDir,
      spec.resources && [spec.resources.memory, nanoCpus(spec.resources)],
      spec.shmSize,
      instance.gpuUuids.toSorted(),
      instance.port,
      instance.port === null ? '' : instance.address,
    ]),
  );
}

function labels(instance: InstanceSpec): Record<string, string> {
  const { identity } = instance;
  return {
    [LABEL.controlPlane]: identity.controlPlaneId,
    [LABEL.container]: identity.containerId,
    [LABEL.revision]: identity.revisionId,
    [LABEL.instance]: identity.instanceId,
    [LABEL.ordinal]: String(identity.ordinal),
    [LABEL.generation]: String(identity.generation),
    [LABEL.operation]: identity.operationId,
    [LABEL.specHash]: specHash(instance),
    [LABEL.gpus]: instance.gpuUuids.join(','),
    [LABEL.memo]: instance.memo ?? '',
  };
}

/**
 * Never the caller's NVIDIA_VISIBLE_DEVICES, nor the image's: where NVIDIA's runtime is the engine's default, that variable alone
 * hands out devices.
 */
function environment(spec: RevisionSpec, gpuUuids: readonly string[]): readonly string[] {
  const merged: Record<string, string> = { ...spec.image.environment };
  for (const key of Object.keys(merged)) if (key.startsWith(RESERVED_PREFIX)) delete merged[key];
  if (spec.runtime === 'HTTP') merged.PORT = String(INSTANCE_PORT);
  merged.NVIDIA_VISIBLE_DEVICES = gpuUuids.length === 0 ? 'void' : gpuUuids.join(',');
  return Object.entries(merged)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
}

/** Whether a variable is never the caller's inside a container. */
export function isReserved(name: string, { runtime }: Pick<RevisionSpec, 'runtime'>): boolean {
  return (
    name.startsWith(RESERVED_PREFIX) || name === 'NVIDIA_VISIBLE_DEVICES' || (name === 'PORT' && runtime === 'HTTP')
  );
}

function hostConfig(instance: InstanceSpec, defaults: ContainerDefaults, hostIp: string): HostConfig {
  const { spec, gpuUuids, port } = instance;
  return {
    Init: true,
    RestartPolicy: { Name: 'no' },
    NetworkMode: networkName(instance.identity.controlPlaneId),
    PortBindings: port === null ? {} : { [`${INSTANCE_PORT}/tcp`]: [{ HostIp: hostIp, HostPort: String(port) }] },
    PidsLimit: defaults.pidsLimit,
    ...limits(spec.resources),
    ...(spec.shmSize > 0 && { ShmSize: spec.shmSize }),
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    CapAdd: CAPABILITIES,
    LogConfig: {
      Type: 'json-file',
      Config: { 'max-size': defaults.logMaxSize, 'max-file': String(defaults.logMaxFiles) },
    },
    DeviceRequests: gpuUuids.length === 0 ? [] : [deviceRequest(gpuUuids)],
    Ulimits: gpuUuids.length === 0 ? [] : gpuUlimits(defaults),
  };
}

/** Engines before 29 need the capabilities to find the driver, later ones go by its name: both are sent. */
function deviceRequest(gpuUuids: readonly string[]): DeviceRequest {
  return { Driver: 'nvidia', DeviceIDs: gpuUuids, Capabilities: [['gpu', 'compute', 'utility']] };
}

function gpuUlimits(defaults: ContainerDefaults): HostConfig['Ulimits'] {
  const stack = { Name: 'stack', Soft: STACK_WITH_GPUS, Hard: STACK_WITH_GPUS };
  return defaults.raiseMemlock ? [stack, { Name: 'memlock', Soft: -1, Hard: -1 }] : [stack];
}

/** No swap on top of the memory: a limit that swap stretches is none. */
function limits(resources: Resources | null): Pick<HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus'> {
  if (resources === null) return {};
  const cpus = nanoCpus(resources);
  return {
    ...(resources.memory > 0 && { Memory: resources.memory, MemorySwap: resources.memory }),
    ...(cpus > 0 && { NanoCpus: cpus }),
  };
}

function nanoCpus(resources: Resources): number {
  return Math.round(resources.cores * resources.coreFraction * 1e7);
}
