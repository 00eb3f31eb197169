import { type DeployDraft, readDeploy } from '../../../src/domain/deploy-request.js';
import type { ImageSpec } from '../../../src/domain/revision.js';
import { failureOf, violatedFields } from '../../support/violations.js';

const image: ImageSpec = { url: 'team/app:1', command: [], args: [], environment: {}, workingDir: '' };
const draft: DeployDraft = {
  containerId: 'c',
  description: '',
  image,
  resources: null,
  executionTimeout: null,
  concurrency: 0n,
  minInstances: null,
  runtime: 'HTTP',
  gpus: null,
  shmSize: 0n,
  healthCheck: null,
  rolloutOrder: 'AUTO',
  pullPolicy: 'IF_ABSENT',
  minimumRunTime: null,
  malformed: [],
  unsupported: [],
};
const specOf = (part: Partial<DeployDraft>) => readDeploy({ ...draft, ...part }).spec;
const withEnvironment = (environment: Record<string, string>) => ({ image: { ...image, environment } });
const seconds = (value: number, nanos = 0) => ({ seconds: BigInt(value), nanos });
const check = { probe: null, interval: null, timeout: null, deadline: null };

test('what is left open comes back as its default', () => {
  expect(specOf({})).toEqual({
    image,
    resources: null,
    executionTimeoutMs: 3_600_000,
    concurrency: 0,
    gpus: null,
    shmSize: 0,
    healthCheck: null,
    rolloutOrder: 'AUTO',
    pullPolicy: 'IF_ABSENT',
    runtime: 'HTTP',
    minimumRunTimeMs: 5_000,
    minInstances: null,
  });
});

test('cores without a share of them are whole cores', () => {
  const asked = { memory: 1n << 30n, cores: 2n, coreFraction: 0n };
  expect(specOf({ resources: asked }).resources).toEqual({ memory: 1 << 30, cores: 2, coreFraction: 100 });
  expect(specOf({ resources: { ...asked, coreFraction: 20n } }).resources?.coreFraction).toBe(20);
  expect(specOf({ resources: { ...asked, cores: 0n, coreFraction: 100n } }).resources?.coreFraction).toBe(100);
});

test('a health check is completed', () => {
  const read = specOf({ healthCheck: { ...check, probe: { kind: 'HTTP', path: '' } } }).healthCheck;
  expect(read).toEqual({
    probe: { kind: 'HTTP', path: '/' },
    intervalMs: 1_000,
    timeoutMs: 5_000,
    deadlineMs: 60_000,
  });
});

test('durations are kept to the millisecond', () => {
  expect(specOf({ executionTimeout: seconds(1, 500_000_000) }).executionTimeoutMs).toBe(1_500);
  expect(specOf({ executionTimeout: seconds(0) }).executionTimeoutMs).toBe(3_600_000);
});

test('the reserved keys ask for GPUs, and stay in the environment', () => {
  const environment = {
    LONGSHORE_GPU_COUNT: '2',
    LONGSHORE_GPU_MODEL: '*H200*',
    LONGSHORE_GPU_MIN_MEMORY_MIB: '1024',
    MODE: 'x',
  };
  const spec = specOf(withEnvironment(environment));
  expect(spec.gpus).toEqual({ count: 2, model: '*H200*', minMemory: 1_073_741_824 });
  expect(spec.image.environment).toEqual(environment);
});

test('reserved keys and field may agree, and must not differ', () => {
  const asking = withEnvironment({ LONGSHORE_GPU_COUNT: '2' });
  expect(specOf({ ...asking, gpus: { count: 2n, model: '', minMemory: 0n } }).gpus?.count).toBe(2);
  expect(violatedFields(() => specOf({ ...asking, gpus: { count: 1n, model: '', minMemory: 0n } }))).toEqual(['gpus']);
});

test('a count of 0 in the reserved key asks for none', () => {
  expect(specOf(withEnvironment({ LONGSHORE_GPU_COUNT: '0' })).gpus).toBeNull();
});

test.each<[string, Partial<DeployDraft>, string[]]>([
  ['no container', { containerId: '' }, ['container_id']],
  ['no image_spec', { image: null }, ['image_spec']],
  ['no image_url', { image: { ...image, url: '' } }, ['image_spec.image_url']],
  ['a malformed image_url', { image: { ...image, url: 'https://x/y' } }, ['image_spec.image_url']],
  ['a NUL in an argument', { image: { ...image, args: ['a', 'b\0'] } }, ['image_spec.args.args[1]']],
  ['1,001 arguments', { image: { ...image, args: Array(1_001).fill('') } }, ['image_spec.args.args']],
  ['a command of 64 KiB and 1', { image: { ...image, command: ['c'.repeat(65_537)] } }, ['image_spec.command.command']],
  ['a relative working directory', { image: { ...image, workingDir: 'srv' } }, ['image_spec.working_dir']],
  ['PORT', withEnvironment({ PORT: '1' }), ['image_spec.environment[PORT]']],
  [
    "the driver's own variable",
    withEnvironment({ NVIDIA_VISIBLE_DEVICES: 'all' }),
    ['image_spec.environment[NVIDIA_VISIBLE_DEVICES]'],
  ],
  [
    'an unknown reserved key',
    withEnvironment({ LONGSHORE_GPU_CUONT: '1' }),
    ['image_spec.environment[LONGSHORE_GPU_CUONT]'],
  ],
  ['a key with a hyphen', withEnvironment({ 'a-b': '1' }), ['image_spec.environment[a-b]']],
  ['a value of 4,097 characters', withEnvironment({ A: 'v'.repeat(4_097) }), ['image_spec.environment[A]']],
  ['a NUL in a value', withEnvironment({ A: '\0' }), ['image_spec.environment[A]']],
  [
    'an environment of 128 KiB and more',
    withEnvironment(Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`K${n}`, 'v'.repeat(4_096)]))),
    ['image_spec.environment'],
  ],
  ['half a GPU', withEnvironment({ LONGSHORE_GPU_COUNT: '0.5' }), ['image_spec.environment[LONGSHORE_GPU_COUNT]']],
  [
    'a model without a count',
    withEnvironment({ LONGSHORE_GPU_MODEL: 'x' }),
    ['image_spec.environment[LONGSHORE_GPU_MODEL]'],
  ],
  ['no GPUs', { gpus: { count: 0n, model: '', minMemory: 0n } }, ['gpus.count']],
  ['GPU memory below 0', { gpus: { count: 1n, model: '', minMemory: -1n } }, ['gpus.min_memory']],
  ['memory below 0', { resources: { memory: -1n, cores: 0n, coreFraction: 0n } }, ['resources.memory']],
  ['memory that no engine accepts', { resources: { memory: 1n, cores: 0n, coreFraction: 0n } }, ['resources.memory']],
  [
    'memory beyond what numbers hold',
    { resources: { memory: 1n << 62n, cores: 0n, coreFraction: 0n } },
    ['resources.memory'],
  ],
  ['a core fraction of 101', { resources: { memory: 0n, cores: 1n, coreFraction: 101n } }, ['resources.core_fraction']],
  ['a share of no cores', { resources: { memory: 0n, cores: 0n, coreFraction: 50n } }, ['resources.core_fraction']],
  ['an execution timeout of 3601 s', { executionTimeout: seconds(3_601) }, ['execution_timeout']],
  ['an execution timeout below 0', { executionTimeout: seconds(0, -1) }, ['execution_timeout']],
  ['a duration of two signs', { executionTimeout: seconds(1, -1) }, ['execution_timeout']],
  ['a duration of microseconds', { executionTimeout: seconds(1, 1_000) }, ['execution_timeout']],
  ['a duration with a second of nanos', { executionTimeout: seconds(1, 1_000_000_000) }, ['execution_timeout']],
  ['concurrency below 0', { concurrency: -1n }, ['concurrency']],
  ['shm_size below 0', { shmSize: -1n }, ['shm_size']],
  ['min_instances below 0', { minInstances: -1n }, ['provision_policy.min_instances']],
  ['an interval of 50 ms', { healthCheck: { ...check, interval: seconds(0, 50_000_000) } }, ['health_check.interval']],
  [
    'a deadline of half a second',
    { healthCheck: { ...check, deadline: seconds(0, 500_000_000) } },
    ['health_check.deadline'],
  ],
  [
    'a probe path without a slash',
    { healthCheck: { ...check, probe: { kind: 'HTTP', path: 'x' } } },
    ['health_check.http.path'],
  ],
  [
    'a probe of what has no port',
    { runtime: 'PROCESS', healthCheck: { ...check, probe: { kind: 'TCP' } } },
    ['health_check.tcp'],
  ],
  ['a minimum run time of a server', { minimumRunTime: seconds(1) }, ['minimum_run_time']],
  [
    'what the transport found',
    { malformed: [{ field: 'rollout_order', description: '9 is unknown' }] },
    ['rollout_order'],
  ],
])('a deploy is refused with %s', (_, part, fields) => {
  expect(violatedFields(() => readDeploy({ ...draft, ...part }))).toEqual(fields);
});

test('fields that nothing stands behind are refused by name', () => {
  const failure = failureOf(() => readDeploy({ ...draft, unsupported: ['secrets', 'mounts'], minInstances: 2n }));
  expect(failure).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'FIELD_NOT_SUPPORTED' });
  expect(failure.fields?.map((violation) => violation.field)).toEqual([
    'secrets',
    'mounts',
    'provision_policy.min_instances',
  ]);
});

test('beside other violations they are told with them', () => {
  const fields = violatedFields(() =>
    readDeploy({ ...draft, unsupported: ['secrets'], concurrency: -1n, containerId: '' }),
  );
  expect(fields).toEqual(['container_id', 'concurrency', 'secrets']);
});
