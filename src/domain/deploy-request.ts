import {
  checkNoNul,
  checkRequired,
  checkText,
  type Found,
  type RawDuration,
  readDuration,
  readInteger,
  refuseIfAny,
} from './checks.js';
import { checkContainerId, checkDescription } from './container-request.js';
import { checkEnvironment, gpusFromEnvironment, MAX_GPUS } from './environment.js';
import { DomainError, type FieldViolation } from './errors.js';
import { type HealthCheckDraft, readHealthCheck } from './health-check.js';
import { isImageReference } from './image-reference.js';
import {
  DEFAULT_EXECUTION_TIMEOUT_MS,
  DEFAULT_MINIMUM_RUN_TIME_MS,
  type GpuRequirements,
  type ImageSpec,
  type PullPolicy,
  type Resources,
  type RevisionSpec,
  type RolloutOrder,
  type Runtime,
} from './revision.js';

/** DeployRevision as it came: int64 not yet in range, durations not yet checked, absent messages null. */
export interface DeployDraft {
  readonly containerId: string;
  readonly description: string;
  readonly image: ImageSpec | null;
  readonly resources: ResourcesDraft | null;
  readonly executionTimeout: RawDuration | null;
  readonly concurrency: bigint;
  readonly minInstances: bigint | null;
  readonly runtime: Runtime;
  readonly gpus: GpusDraft | null;
  readonly shmSize: bigint;
  readonly healthCheck: HealthCheckDraft | null;
  readonly rolloutOrder: RolloutOrder;
  readonly pullPolicy: PullPolicy;
  readonly minimumRunTime: RawDuration | null;
  /** What the transport found wrong already: enum values that nobody knows. */
  readonly malformed: readonly FieldViolation[];
  /** Paths of fields that were set and that nothing stands behind. */
  readonly unsupported: readonly string[];
}

export interface ResourcesDraft {
  readonly memory: bigint;
  readonly cores: bigint;
  readonly coreFraction: bigint;
}

export interface GpusDraft {
  readonly count: bigint;
  readonly model: string;
  readonly minMemory: bigint;
}

/** What is asked for, checked and complete with defaults. */
export interface DeployRequest {
  readonly containerId: string;
  readonly description: string;
  readonly spec: RevisionSpec;
}

const MAX = Number.MAX_SAFE_INTEGER;
/** What the engine accepts as a limit at all. */
const LEAST_MEMORY = 6 * 1_048_576;
const MAX_ARGUMENTS = 1_000;
const MAX_ARGUMENT_CHARACTERS = 65_536;

/** Throws INVALID_ARGUMENT with all violations or, where there are none but fields that are not supported, UNIMPLEMENTED with those. */
export function readDeploy(draft: DeployDraft): DeployRequest {
  const found: Found = [...draft.malformed];
  checkContainerId(found, draft.containerId);
  checkDescription(found, draft.description);
  const spec = readSpec(found, draft);
  const unsupported = [...draft.unsupported];
  if ((draft.minInstances ?? 0n) > 1n) unsupported.push('provision_policy.min_instances');
  if (found.length > 0) refuseIfAny([...found, ...unsupported.map(notSupported)]);
  if (unsupported.length > 0) throw unimplemented(unsupported);
  return { containerId: draft.containerId, description: draft.description, spec };
}

const notSupported = (field: string): FieldViolation => ({ field, description: 'is not supported yet' });

function unimplemented(fields: readonly string[]): DomainError {
  return new DomainError({
    code: 'UNIMPLEMENTED',
    reason: 'FIELD_NOT_SUPPORTED',
    message: `not supported yet: ${fields.join(', ')}`,
    metadata: { fields: fields.join(',') },
    fields: fields.map(notSupported),
  });
}

function readSpec(found: Found, draft: DeployDraft): RevisionSpec {
  const executionTimeoutMs =
    draft.executionTimeout === null
      ? 0
      : readDuration(found, 'execution_timeout', draft.executionTimeout, 0, DEFAULT_EXECUTION_TIMEOUT_MS);
  return {
    image: readImage(found, draft.image),
    resources: draft.resources && readResources(found, draft.resources),
    executionTimeoutMs: executionTimeoutMs || DEFAULT_EXECUTION_TIMEOUT_MS,
    concurrency: readInteger(found, 'concurrency', draft.concurrency, 0, 1_000_000),
    gpus: readGpus(found, draft),
    shmSize: readInteger(found, 'shm_size', draft.shmSize, 0, MAX),
    healthCheck: draft.healthCheck && readHealthCheck(found, draft.healthCheck, draft.runtime),
    rolloutOrder: draft.rolloutOrder,
    pullPolicy: draft.pullPolicy,
    runtime: draft.runtime,
    minimumRunTimeMs: readMinimumRunTime(found, draft),
    minInstances:
      draft.minInstances === null
        ? null
        : readInteger(found, 'provision_policy.min_instances', draft.minInstances, 0, MAX),
  };
}

function readMinimumRunTime(found: Found, { minimumRunTime, runtime }: DeployDraft): number {
  if (minimumRunTime === null) return DEFAULT_MINIMUM_RUN_TIME_MS;
  if (runtime !== 'PROCESS') found.push({ field: 'minimum_run_time', description: 'is for runtime.process only' });
  return readDuration(found, 'minimum_run_time', minimumRunTime, 0, 86_400_000);
}

function readImage(found: Found, image: ImageSpec | null): ImageSpec {
  if (image === null) {
    checkRequired(found, 'image_spec', '');
    return { url: '', command: [], args: [], environment: {}, workingDir: '' };
  }
  checkRequired(found, 'image_spec.image_url', image.url);
  if (image.url !== '' && !isImageReference(image.url))
    found.push({
      field: 'image_spec.image_url',
      description: 'is not an image reference of the form [registry[:port]/]name[:tag][@sha256:...]',
    });
  checkArguments(found, 'image_spec.command.command', image.command);
  checkArguments(found, 'image_spec.args.args', image.args);
  checkEnvironment(found, 'image_spec.environment', image.environment);
  checkText(found, 'image_spec.working_dir', image.workingDir, {
    max: 1024,
    pattern: /^(|\/[^\0]*)$/,
    form: 'must be an absolute path',
  });
  return image;
}

function checkArguments(found: Found, field: string, values: readonly string[]): void {
  const characters = values.reduce((sum, value) => sum + value.length, 0);
  if (values.length > MAX_ARGUMENTS || characters > MAX_ARGUMENT_CHARACTERS)
    found.push({
      field,
      description: `must have at most ${MAX_ARGUMENTS} entries and ${MAX_ARGUMENT_CHARACTERS} characters in all`,
    });
  else values.forEach((value, index) => checkNoNul(found, `${field}[${index}]`, value));
}

function readResources(found: Found, { memory, cores, coreFraction }: ResourcesDraft): Resources {
  const read = {
    memory: readInteger(found, 'resources.memory', memory, 0, MAX),
    cores: readInteger(found, 'resources.cores', cores, 0, 1_000_000),
    coreFraction: readInteger(found, 'resources.core_fraction', coreFraction, 0, 100),
  };
  if (memory > 0n && memory < BigInt(LEAST_MEMORY))
    found.push({ field: 'resources.memory', description: `must be 0 (no limit) or at least ${LEAST_MEMORY} bytes` });
  if (read.cores === 0 && read.coreFraction !== 0 && read.coreFraction !== 100)
    found.push({ field: 'resources.core_fraction', description: 'is a share of resources.cores, which is not set' });
  return read.cores > 0 && read.coreFraction === 0 ? { ...read, coreFraction: 100 } : read;
}

function readGpus(found: Found, { gpus, image }: DeployDraft): GpuRequirements | null {
  const asked = gpusFromEnvironment(found, 'image_spec.environment', image?.environment ?? {});
  if (gpus === null) return asked;
  const read = {
    count: readInteger(found, 'gpus.count', gpus.count, 1, MAX_GPUS),
    model: gpus.model,
    minMemory: readInteger(found, 'gpus.min_memory', gpus.minMemory, 0, MAX),
  };
  checkText(found, 'gpus.model', gpus.model, { max: 128 });
  checkNoNul(found, 'gpus.model', gpus.model);
  const agree = (one: GpuRequirements, other: GpuRequirements) =>
    one.count === other.count && one.model === other.model && one.minMemory === other.minMemory;
  if (asked !== null && !agree(read, asked))
    found.push({ field: 'gpus', description: 'differs from what LONGSHORE_GPU_* in image_spec.environment asks for' });
  return read;
}
