import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveHost } from '../../src/config/loopback.js';
import { type Config, ConfigError, type Finding, loadConfig, shownConfig } from '../../src/config.js';
import { treePath } from '../../src/paths.js';
import { configurationTable } from '../support/configuration-table.js';
import { makeCa, makeCertificate, type Pair } from '../support/pem.js';

type Env = Record<string, string | undefined>;

let dir: string;
let ca: Pair;
let server: Pair;
let brief: Pair;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'longshore-config-'));
  ca = await makeCa(dir);
  server = await makeCertificate(dir, ca, 'server');
  brief = await makeCertificate(dir, ca, 'brief', 5);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const around = (env: Env, now = Date.now()) => ({ env, uid: 1000, home: '/home/ada', now, resolve: resolveHost });

async function configOf(env: Env): Promise<Config> {
  return (await loadConfig(around(env))).config;
}

/** The faults of a configuration that must not load. */
async function faultsOf(env: Env, now?: number): Promise<readonly Finding[]> {
  try {
    await loadConfig(around(env, now));
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('the configuration loaded');
}

test('an empty environment is a whole configuration on loopback', async () => {
  const config = await configOf({});
  expect(config).toMatchObject({
    redisUrl: null,
    dataDir: '/home/ada/.local/share/longshore',
    grpc: { address: '127.0.0.1', port: 50051, tls: null },
    http: { address: '127.0.0.1', port: 8080 },
    ingress: { address: '127.0.0.1', port: 8081, domain: 'containers.localhost', publicUrl: null },
    dockerConfigFile: '/home/ada/.docker/config.json',
    rollout: { placeTimeoutMs: 300_000, retryBudgetMs: 30_000, retainedInstances: 2 },
    worker: { leaseTtlMs: 15_000, observeIntervalMs: 30_000 },
  });
  expect([...config.roles]).toEqual(['api', 'worker', 'ingress']);
  expect(config.hosts).toMatchObject([{ name: 'local', endpoint: 'unix:///var/run/docker.sock', gpus: 'auto' }]);
});

test('an empty value counts as not set, and blanks around one do not count', async () => {
  const config = await configOf({ REDIS_URL: '', LONGSHORE_LOG_LEVEL: ' debug ', LONGSHORE_DATA_DIR: '  ' });
  expect(config).toMatchObject({ redisUrl: null, logLevel: 'debug', dataDir: '/home/ada/.local/share/longshore' });
});

test("root's data is in /var/lib", async () => {
  const { config } = await loadConfig({ ...around({}), uid: 0 });
  expect(config.dataDir).toBe('/var/lib/longshore');
});

test.each<[string, string, object]>([
  ['LONGSHORE_PLACE_TIMEOUT', '1.5m', { rollout: { placeTimeoutMs: 90_000 } }],
  ['LONGSHORE_DRAIN_TIMEOUT', '0s', { rollout: { drainTimeoutMs: 0 } }],
  ['LONGSHORE_KEEP_DRAINING', '10m', { rollout: { keepDrainingMs: 600_000 } }],
  ['LONGSHORE_KEYSPACE', 'staging-2', { keyspace: 'staging-2' }],
  ['LONGSHORE_PULL_STALL', '5m', { pullStallMs: 300_000 }],
  ['LONGSHORE_OBSOLETE_REVISIONS', '7', { obsoleteRevisions: 7 }],
  ['LONGSHORE_GRPC_ADDR', '[::1]:0', { grpc: { address: '::1', port: 0 } }],
  ['LONGSHORE_GRPC_ADDR', '127.9.9.9:1', { grpc: { address: '127.9.9.9', port: 1 } }],
  ['LONGSHORE_INGRESS_DOMAIN', 'GPU.Example.COM', { ingress: { domain: 'gpu.example.com' } }],
  ['REDIS_URL', 'unix:///run/redis.sock', { redisUrl: 'unix:///run/redis.sock' }],
  ['REDIS_URL', '/run/redis.sock?db=3', { redisUrl: '/run/redis.sock?db=3' }],
  ['REDIS_URL', 'rediss://ada:50%25@db/3', { redisUrl: 'rediss://ada:50%25@db/3' }],
  ['DOCKER_HOST', 'unix:///run/other.sock', { hosts: [{ endpoint: 'unix:///run/other.sock' }] }],
  ['DOCKER_HOST', 'tcp://127.0.0.1:2375', { hosts: [{ endpoint: 'tcp://127.0.0.1:2375' }] }],
  ['LONGSHORE_TEST_FULL', '1', {}],
  ['LONGSHORE_RUN', '/x', {}],
])('%s=%s is taken', async (name, value, expected) => {
  expect(await configOf({ [name]: value })).toMatchObject(expected);
});

test('a proxy in front of the ingress gives it another scheme and port', async () => {
  const domain = { LONGSHORE_INGRESS_DOMAIN: 'c.example.com' };
  const base = (url: string) => configOf({ ...domain, LONGSHORE_INGRESS_URL: url });
  expect((await base('https://c.example.com')).ingress.publicUrl).toEqual({ scheme: 'https', port: 443 });
  expect((await base('http://c.example.com:8000/')).ingress.publicUrl).toEqual({ scheme: 'http', port: 8000 });
  const [fault] = await faultsOf({ LONGSHORE_INGRESS_URL: 'https://c.example.com' });
  expect(fault).toMatchObject({
    name: 'LONGSHORE_INGRESS_URL',
    message: expect.stringContaining('containers.localhost'),
  });
});

test.each<[string, string, RegExp]>([
  ['LONGSHORE_PLACE_TIMEOUT', '30', /not a duration.*30s/],
  ['LONGSHORE_PLACE_TIMEOUT', '8d', /out of range; from 1s to 7d/],
  ['LONGSHORE_LEASE_TTL', '-5s', /not a duration/],
  ['LONGSHORE_OPERATION_RETENTION', '29d', /from 30d/],
  ['LONGSHORE_WORKER_WIDTH', '0', /whole number from 1/],
  ['LONGSHORE_WORKER_WIDTH', '1e3', /whole number/],
  ['LONGSHORE_RETAINED_INSTANCES', '-1', /whole number from 0/],
  ['LONGSHORE_LOG_LEVEL', 'loud', /trace, debug, info/],
  ['LONGSHORE_ROLES', 'api,wroker', /api, worker, ingress/],
  ['LONGSHORE_ROLES', ',', /api, worker, ingress/],
  ['LONGSHORE_GRPC_ADDR', '127.0.0.1', /host:port/],
  ['LONGSHORE_GRPC_ADDR', '127.0.0.1:70000', /host:port/],
  ['LONGSHORE_GRPC_ADDR', '::1:50051', /host:port/],
  ['LONGSHORE_HTTP_ADDR', 'no.such.name.invalid:80', /does not resolve/],
  ['LONGSHORE_INGRESS_DOMAIN', 'a..b', /domain name/],
  ['LONGSHORE_KEYSPACE', '{a}', /lower-case letters/],
  ['LONGSHORE_INGRESS_URL', 'https://a.b/path', /base URL/],
  ['LONGSHORE_HOSTS_FILE', '/no/such/file', /no such file/],
  ['LONGSHORE_DOCKER_CONFIG', '/no/such/file', /no such file/],
  ['LONGSHORE_DATA_DIR', `/${'d'.repeat(100)}`, /11 bytes too long/],
  ['DOCKER_HOST', 'tcp://10.0.0.5:2376', /LONGSHORE_HOSTS_FILE/],
  ['DOCKER_HOST', 'ssh://gpu-1', /ssh:\/\/ is not there yet/],
  ['LONGSHORE_TLS_CERT', '/no/such/file', /./],
  ['LONGSHORE_TLS_CLIENT_CA', '/no/such/file', /needs LONGSHORE_TLS_CERT/],
])('%s=%s is refused', async (name, value, message) => {
  const faults = await faultsOf({ [name]: value });
  expect(faults).toHaveLength(1);
  expect(faults[0]?.message).toMatch(message);
});

test('all faults are reported at once, each under its variable', async () => {
  const faults = await faultsOf({
    LONGSHORE_LOG_LEVEL: 'x',
    LONGSHORE_WORKER_WIDTH: 'x',
    LONGSHORE_LOG_LEVLE: 'info',
    LONGSHORE_HTTP_ADDR: ':80',
    LONGSHORE_HOSTS_FILE: '/no/such/file',
    LONGSHORE_TLS_CERT: '/no/such/file',
  });
  expect(faults.map(({ name }) => name).sort()).toEqual([
    'LONGSHORE_HOSTS_FILE',
    'LONGSHORE_HTTP_ADDR',
    'LONGSHORE_LOG_LEVEL',
    'LONGSHORE_LOG_LEVLE',
    'LONGSHORE_TLS_KEY',
    'LONGSHORE_WORKER_WIDTH',
  ]);
});

test.each<[string, Env]>([
  ['REDIS_URL', { REDIS_URL: 'x', LONGSHORE_ROLES: 'api' }],
  ['LONGSHORE_ROLES', { LONGSHORE_ROLES: 'wroker', LONGSHORE_GRPC_ADDR: ':1' }],
  ['LONGSHORE_INGRESS_DOMAIN', { LONGSHORE_INGRESS_DOMAIN: 'a..b', LONGSHORE_INGRESS_URL: 'https://c.example.com' }],
  ['LONGSHORE_GRPC_ADDR', { LONGSHORE_GRPC_ADDR: 'x', LONGSHORE_HTTP_ADDR: '127.0.0.1:50051' }],
])('where %s is wrong, nothing that hangs on it is reported', async (name, env) => {
  expect((await faultsOf(env)).map((fault) => fault.name)).toEqual([name]);
});

describe('two listeners on one address', () => {
  const beyond = () => ({
    LONGSHORE_TLS_CERT: server.cert,
    LONGSHORE_TLS_KEY: server.key,
    LONGSHORE_TLS_CLIENT_CA: ca.cert,
  });

  test.each<[string, string, string, string]>([
    ['the same', 'LONGSHORE_HTTP_ADDR', '127.0.0.1:9000', '127.0.0.1:9000'],
    ['of one name', 'LONGSHORE_INGRESS_ADDR', 'localhost:9000', 'localhost:9000'],
    ['one of them every address', 'LONGSHORE_HTTP_ADDR', '0.0.0.0:9000', '127.0.0.1:9000'],
    ['one of them every address of both families', 'LONGSHORE_HTTP_ADDR', '[::]:9000', '127.0.0.1:9000'],
    ['in another form', 'LONGSHORE_HTTP_ADDR', '[::1]:9000', '[0:0:0:0:0:0:0:1]:9000'],
    ['IPv4 within IPv6', 'LONGSHORE_HTTP_ADDR', '127.0.0.1:9000', '[::ffff:127.0.0.1]:9000'],
  ])('%s: both are named', async (_, name, grpc, other) => {
    const faults = await faultsOf({ ...beyond(), LONGSHORE_GRPC_ADDR: grpc, [name]: other });
    expect(faults).toMatchObject([{ name, message: expect.stringContaining('LONGSHORE_GRPC_ADDR') }]);
  });

  test('the default of another is taken too', async () => {
    const faults = await faultsOf({ LONGSHORE_INGRESS_ADDR: '127.0.0.1:8080' });
    expect(faults).toMatchObject([
      { name: 'LONGSHORE_INGRESS_ADDR', message: expect.stringContaining('taken by LONGSHORE_HTTP_ADDR') },
    ]);
  });

  test.each<[string, Env]>([
    ['port 0', { LONGSHORE_GRPC_ADDR: '127.0.0.1:0', LONGSHORE_HTTP_ADDR: '127.0.0.1:0' }],
    ['another loopback address', { LONGSHORE_GRPC_ADDR: '127.0.0.2:9000', LONGSHORE_HTTP_ADDR: '127.0.0.1:9000' }],
    ['another family', { LONGSHORE_GRPC_ADDR: '[::1]:9000', LONGSHORE_HTTP_ADDR: '127.0.0.1:9000' }],
    [
      'a role that is not there',
      { LONGSHORE_ROLES: 'worker', REDIS_URL: 'redis://localhost', LONGSHORE_GRPC_ADDR: '127.0.0.1:8080' },
    ],
  ])('%s: they do not meet', async (_, env) => {
    expect((await loadConfig(around(env))).config.http.address).toBe('127.0.0.1');
  });
});

test('a mistyped variable names the one that was meant', async () => {
  expect(await faultsOf({ LONGSHORE_DATADIR: '/x' })).toEqual([
    { name: 'LONGSHORE_DATADIR', message: 'there is no such variable; LONGSHORE_DATA_DIR is the nearest one' },
  ]);
  expect((await faultsOf({ LONGSHORE_QUUX_FROBNICATION: '1' }))[0]?.message).toBe('there is no such variable');
});

test.each([
  'redis//ada:hunter2@db',
  'redis:ada:hunter2@db',
  'http://ada:hunter2@db',
  'hunter2',
  'redis://:hunter2@db/notadb',
  'redis://:hunter2@db/0/1',
  'redis://:hunter2@db?db=hunter2',
  'unix:///run/redis.sock?db=hunter2',
  '/run/redis.sock?db=hunter2',
  'redis://:hunter2%@db',
  'redis://hunter2%zz:x@db',
])('%s is refused without repeating its secret', async (url) => {
  const faults = await faultsOf({ REDIS_URL: url });
  expect(faults).toMatchObject([{ name: 'REDIS_URL' }]);
  expect(JSON.stringify(faults)).not.toContain('hunter2');
});

test('a Redis of another machine without TLS is worth a warning', async () => {
  const { warnings } = await loadConfig(around({ REDIS_URL: 'redis://ada:hunter2@10.0.0.9:6379' }));
  expect(warnings).toMatchObject([{ name: 'REDIS_URL', message: expect.stringContaining('rediss://') }]);
  expect(JSON.stringify(warnings)).not.toContain('hunter2');
  expect((await loadConfig(around({ REDIS_URL: 'redis://127.0.0.1:6379' }))).warnings).toEqual([]);
});

test('split roles need a Redis that they can share', async () => {
  expect(await faultsOf({ LONGSHORE_ROLES: 'api' })).toMatchObject([{ name: 'REDIS_URL' }]);
  expect(await faultsOf({ LONGSHORE_ROLES: 'ingress' })).toMatchObject([{ name: 'REDIS_URL' }]);
  expect([...(await configOf({ LONGSHORE_ROLES: 'api', REDIS_URL: 'redis://localhost' })).roles]).toEqual(['api']);
});

describe('beyond loopback', () => {
  test.each(['0.0.0.0:1', ':1', '[::]:1', '10.1.2.3:1'])(
    '%s: gRPC needs certificates of its own and of clients',
    async (addr) => {
      const [fault, ...others] = await faultsOf({ LONGSHORE_GRPC_ADDR: addr });
      expect(others).toEqual([]);
      expect(fault?.message).toContain('LONGSHORE_TLS_CERT, LONGSHORE_TLS_KEY, LONGSHORE_TLS_CLIENT_CA');
      const tls = { LONGSHORE_TLS_CERT: server.cert, LONGSHORE_TLS_KEY: server.key };
      expect((await faultsOf({ LONGSHORE_GRPC_ADDR: addr, ...tls }))[0]?.message).toContain(
        'set LONGSHORE_TLS_CLIENT_CA,',
      );
      const config = await configOf({ LONGSHORE_GRPC_ADDR: addr, ...tls, LONGSHORE_TLS_CLIENT_CA: ca.cert });
      expect(config.grpc.tls?.clientCa).toContain('BEGIN CERTIFICATE');
    },
  );

  test.each(['LONGSHORE_HTTP_ADDR', 'LONGSHORE_INGRESS_ADDR'])('%s is refused', async (name) => {
    for (const addr of ['0.0.0.0:1', ':1', '[::]:1', '10.1.2.3:1'])
      expect(await faultsOf({ [name]: addr })).toMatchObject([
        { name, message: expect.stringContaining('no TLS yet') },
      ]);
  });

  test('a listener that the roles do not open is not judged', async () => {
    const env = { LONGSHORE_ROLES: 'worker', REDIS_URL: 'redis://localhost', LONGSHORE_INGRESS_ADDR: ':80' };
    expect((await configOf(env)).ingress.port).toBe(80);
  });

  test('a name is judged by all that it resolves to, and bound as it was judged', async () => {
    const named = (loopback: boolean) => ({
      ...around({ LONGSHORE_HTTP_ADDR: 'box:8080' }),
      resolve: async () => ({ address: '127.0.1.1', loopback }),
    });
    expect((await loadConfig(named(true))).config.http.address).toBe('127.0.1.1');
    await expect(loadConfig(named(false))).rejects.toThrow(ConfigError);
  });
});

describe('TLS files', () => {
  const tls = (cert: string, key: string) => ({ LONGSHORE_TLS_CERT: cert, LONGSHORE_TLS_KEY: key });

  test('a pair that fits is read', async () => {
    const { config, warnings } = await loadConfig(around(tls(server.cert, server.key)));
    expect(config.grpc.tls).toMatchObject({ cert: await readFile(server.cert, 'utf8'), clientCa: null });
    expect(warnings).toEqual([]);
  });

  test('a key of another certificate is refused, and not shown', async () => {
    const faults = await faultsOf(tls(server.cert, ca.key));
    expect(faults).toMatchObject([{ name: 'LONGSHORE_TLS_KEY', message: expect.stringContaining('does not belong') }]);
    expect(JSON.stringify(faults)).not.toContain('PRIVATE');
  });

  test('a certificate is warned of before it expires, and refused after', async () => {
    const { warnings } = await loadConfig(around(tls(brief.cert, brief.key)));
    expect(warnings).toMatchObject([{ name: 'LONGSHORE_TLS_CERT', message: expect.stringContaining('expires') }]);
    const faults = await faultsOf(tls(brief.cert, brief.key), Date.now() + 6 * 86_400_000);
    expect(faults).toMatchObject([{ name: 'LONGSHORE_TLS_CERT', message: expect.stringContaining('expired') }]);
  });

  test('a file that holds something else is refused', async () => {
    const junk = join(dir, 'junk.pem');
    await writeFile(junk, 'nothing');
    expect(await faultsOf(tls(junk, server.key))).toMatchObject([{ name: 'LONGSHORE_TLS_CERT' }]);
    expect(await faultsOf(tls(server.cert, junk))).toMatchObject([{ name: 'LONGSHORE_TLS_KEY' }]);
  });
});

test('what is shown holds no password and no key', async () => {
  const tls = { LONGSHORE_TLS_CERT: server.cert, LONGSHORE_TLS_KEY: server.key };
  const shown = (env: Env) => configOf(env).then((config) => JSON.stringify(shownConfig(config)));
  expect(await shown({ ...tls, REDIS_URL: 'rediss://ada:hunter2@db:1/0?password=hunter2' })).not.toMatch(
    /hunter2|PRIVATE|BEGIN/,
  );
  expect(await shown({ REDIS_URL: 'redis://db:6379/1' })).toContain('redis://db:6379/1');
  expect(await shown({ LONGSHORE_DATA_DIR: '/d' })).toContain('a private one in /d/redis');
});

test('docs/configuration.md has the table of the schema', async () => {
  expect(await readFile(treePath('docs', 'configuration.md'), 'utf8')).toContain(`\n${configurationTable()}\n`);
});
