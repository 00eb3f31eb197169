import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { treePath } from '../../src/paths.js';
import { command } from '../support/command.js';
import { ownEngine } from '../support/engine.js';
import { http } from '../support/http.js';
import { freePort } from '../support/ports.js';
import type { PrivateEngine } from '../support/private-engine.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { newDirectory } from '../support/run-directory.js';
import { until } from '../support/until.js';

// It has this machine's node, which is what the Dockerfile asks of a base.
const BASE = 'longshore/demo-app:latest';
const IMAGE = 'longshore-test:image';

describe('the image', () => {
  let engine: PrivateEngine;
  let redis: RedisServer;
  let redisUrl: string;

  beforeAll(async () => {
    const port = await freePort();
    engine = await ownEngine(0);
    await engine.images('app');
    redis = await startRedis('--port', String(port), '--bind', '127.0.0.1');
    redisUrl = `redis://127.0.0.1:${port}`;
    const args = [treePath('scripts', 'image.sh'), IMAGE, '--build-arg', `BASE_IMAGE=${BASE}`];
    await command('bash', args, {
      env: { DOCKER_HOST: engine.endpoint, DOCKER_BUILDKIT: '0', DOCKER_CONFIG: newDirectory('docker') },
    });
  });

  afterAll(async () => {
    await redis?.stop();
    await engine?.remove();
  });

  /** As docker-compose.yml runs it: the host's network, the engine's socket mounted. */
  const run = (options: readonly string[], ...args: string[]) =>
    engine.docker(
      'run',
      '--network=host',
      `--volume=${engine.socketPath}:/var/run/docker.sock`,
      `--env=REDIS_URL=${redisUrl}`,
      '--security-opt=no-new-privileges:true',
      ...options,
      IMAGE,
      ...args,
    );

  test('checks a configuration', async () => {
    const shown: unknown = JSON.parse(await run(['--rm'], 'check-config'));
    expect(shown).toMatchObject({ redis: redisUrl, hosts: [{ endpoint: 'unix:///var/run/docker.sock' }] });
  });

  test('serves, gets ready, and stops when asked to', async () => {
    const [grpc, health, ingress] = await Promise.all([freePort(), freePort(), freePort()]);
    const id = await run([
      '--detach',
      `--env=LONGSHORE_GRPC_ADDR=127.0.0.1:${grpc}`,
      `--env=LONGSHORE_HTTP_ADDR=127.0.0.1:${health}`,
      `--env=LONGSHORE_INGRESS_ADDR=127.0.0.1:${ingress}`,
    ]);
    await until('it is ready', async () => (await http(`http://127.0.0.1:${health}/readyz`)).status === 200, 60_000);
    await engine.docker('stop', '--time=35', id);
    expect(await engine.docker('inspect', '--format={{.State.ExitCode}}', id)).toBe('0');
    expect(await engine.docker('logs', id)).toContain('"msg":"stopped"');
    await engine.docker('rm', id);
  });
});

/** Strict: a service that is privileged, has further capabilities or publishes ports does not parse. */
const composeFile = z.object({
  services: z.record(
    z.string(),
    z.strictObject({
      image: z.string(),
      command: z.array(z.string()).default([]),
      depends_on: z.array(z.string()).default([]),
      environment: z.record(z.string(), z.string()).default({}),
      network_mode: z.string(),
      restart: z.string(),
      stop_grace_period: z.string().optional(),
      security_opt: z.array(z.string()).default([]),
      volumes: z.array(z.string()),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});

test('docker-compose.yml keeps all of it on loopback, and what Redis acknowledged on disk', async () => {
  const { services, volumes } = composeFile.parse(parse(await readFile(treePath('docker-compose.yml'), 'utf8')));
  const { redis, longshore } = services;
  expect(Object.values(services).map((service) => service.network_mode)).toEqual(['host', 'host']);
  const options = redis?.command.join(' ');
  expect(options).toContain('--bind 127.0.0.1 ');
  expect(options).toContain('--appendonly yes --appendfsync always');
  expect(options).toContain('--maxmemory-policy noeviction');
  expect(redis?.volumes).toEqual(['redis:/data']);
  expect(Object.keys(volumes)).toEqual(['redis']);
  const listeners = Object.entries(longshore?.environment ?? {}).filter(([name]) => name.endsWith('_ADDR'));
  expect(listeners.map(([name]) => name)).toEqual([
    'LONGSHORE_GRPC_ADDR',
    'LONGSHORE_HTTP_ADDR',
    'LONGSHORE_INGRESS_ADDR',
  ]);
  for (const [, address] of listeners) expect(address).toMatch(/^127\.0\.0\.1:/);
  expect(longshore?.environment.REDIS_URL).toMatch(/^redis:\/\/127\.0\.0\.1:/);
  expect(longshore?.security_opt).toContain('no-new-privileges:true');
});
