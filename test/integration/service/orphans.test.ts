import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { socketPath } from '../../../src/embedded/place.js';
import { ownEngine } from '../../support/engine.js';
import { http } from '../../support/http.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const gpu = { gpus: { count: 1n } };
const env = { LONGSHORE_ORPHAN_QUARANTINE: '4s', LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_PLACE_TIMEOUT: '60s' };

let engine: PrivateEngine;
let service: RunningService;

beforeAll(async () => {
  engine = await ownEngine(1);
  await engine.images('app', 'busybox');
  service = await startService({ engines: [engine], env });
}, 60_000);

afterAll(async () => {
  await service?.stop(10_000);
  await engine?.remove();
});

/** The control plane's id, and a fence that it has surely given out since its Redis began. */
async function ours(): Promise<{ readonly plane: string; readonly fence: number }> {
  const { client } = service;
  const { id } = await client.createContainer('known');
  await client.succeeded(await client.deploy(id, APP));
  const format = '{{.Names}} {{.Label "longshore.control-plane"}}';
  const shown = await engine.docker('ps', '--filter', `label=longshore.container=${id}`, '--format', format);
  const [name = '', plane = ''] = shown.split(' ');
  await client.succeeded(await client.delete(id));
  return { plane, fence: Number(/-f(\d+)$/.exec(name)?.[1]) };
}

interface Stray {
  readonly name: string;
  readonly plane: string;
  readonly gpuUuid?: string;
}

async function run({ name, plane, gpuUuid = '' }: Stray): Promise<void> {
  const labels = {
    'control-plane': plane,
    container: `gone${name.replaceAll(/[^a-z0-9]/g, '')}`,
    revision: 'r',
    instance: name.replace(/^ls-(.*)-f\d+$/, '$1'),
    ordinal: '0',
    generation: '1',
    operation: 'o',
    'spec-hash': 'h',
    gpus: gpuUuid,
  };
  const flags = Object.entries(labels).flatMap(([key, value]) => ['--label', `longshore.${key}=${value}`]);
  await engine.docker('run', '-d', '--init', '--name', name, ...flags, 'longshore/busybox', 'sleep', '1000');
}

const running = async (): Promise<readonly string[]> =>
  (await engine.docker('ps', '--format', '{{.Names}}')).split('\n').filter(Boolean).toSorted();

async function counted(fate: string): Promise<string | undefined> {
  const { body } = await http(`http://127.0.0.1:${service.httpPort}/metrics`);
  return new RegExp(`longshore_orphans{host="host-1",fate="${fate}"} (\\d+)`).exec(body)?.[1];
}

const told = (message: RegExp): readonly string[] =>
  readFileSync(service.logFile, 'utf8')
    .split('\n')
    .filter((line) => message.test(line));

test('what Redis knows nothing of is left running for a while, then removed; nothing else is touched', async () => {
  const { plane, fence } = await ours();
  const [gpuUuid = ''] = engine.gpuUuids;
  const orphan = `ls-orphan-f${fence}`;
  // Made before anybody could say what this Redis remembers.
  const doubtful = 'ls-doubtful-f1';
  const others = ['another-planes', 'a-persons'];
  await engine.docker('run', '-d', '--name', 'a-persons', 'longshore/busybox', 'sleep', '1000');
  await run({ name: 'another-planes', plane: 'bbpother' });
  await run({ name: doubtful, plane });
  await run({ name: orphan, plane, gpuUuid });
  await until('all are counted', async () => (await counted('quarantined')) === '1' && (await counted('kept')) === '1');
  expect(await running()).toEqual([...others, doubtful, orphan].toSorted());

  // Its GPU is not free while it runs, and is when it is gone.
  const { client } = service;
  const { id } = await client.createContainer('wants-the-gpu');
  const deploy = await client.deploy(id, APP, gpu);
  await client.succeeded(deploy);
  expect(await running()).not.toContain(orphan);
  expect(told(/nobody missed/)).toHaveLength(1);
  expect(told(/Redis knows nothing of/)).toHaveLength(2);
  await client.succeeded(await client.delete(id));
  expect(await running()).toEqual([...others, doubtful].toSorted());
  expect(await counted('quarantined')).toBe('0');
  expect(await counted('kept')).toBe('1');
}, 120_000);

test('one beside which Redis was restarted stays for a person', async () => {
  const { plane, fence } = await ours();
  const orphan = `ls-second-f${fence}`;
  await run({ name: orphan, plane });
  await until('it is counted', async () => (await counted('quarantined')) === '1');
  const redis = new Redis(socketPath(service.dataDir));
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  redis.disconnect();
  process.kill(pid, 'SIGKILL');
  await until('it is kept', async () => (await counted('kept')) === '2', 30_000);
  expect(await counted('quarantined')).toBe('0');
  // As new as Redis: one that is made now is known to be nobody's.
  const after = await ours();
  expect(after.fence).toBeGreaterThan(fence + 1_000_000);
  const third = `ls-third-f${after.fence}`;
  await run({ name: third, plane });
  await until('it came', async () => (await running()).includes(third));
  await until('it went', async () => !(await running()).includes(third), 30_000);
  expect(await running()).toContain(orphan);
}, 120_000);
