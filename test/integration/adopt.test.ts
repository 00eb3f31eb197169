import { adoptHost } from '../../src/doctor/adopt.js';
import { lineOf } from '../../src/doctor/diagnosis.js';
import { ownEngine } from '../support/engine.js';
import type { PrivateEngine } from '../support/private-engine.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { newDirectory } from '../support/run-directory.js';

let redis: RedisServer;
let engine: PrivateEngine;

beforeAll(async () => {
  [redis, engine] = await Promise.all([startRedis(), ownEngine(0)]);
  await engine.images('busybox');
}, 60_000);

afterAll(async () => {
  await Promise.all([redis?.stop(), engine?.remove()]);
});

afterEach(() => engine.docker('volume', 'rm', '-f', 'longshore-owner'));

/** What the command prints. */
async function adopt(): Promise<string> {
  const host = {
    ...{ name: 'gpu-1', endpoint: engine.endpoint, address: '127.0.0.1', tls: null, labels: {}, gpus: [] },
    ports: { first: 40_000, last: 40_001 },
  };
  const place = { redisUrl: redis.url, keyspace: 'longshore', dataDir: newDirectory('data') };
  return (await adoptHost({ name: 'gpu-1', leave: false }, { ...place, hosts: [host] })).map(lineOf).join('\n');
}

const claim = (...labels: readonly string[]) => engine.docker('volume', 'create', ...labels, 'longshore-owner');
const owner = () => engine.docker('volume', 'inspect', '--format', '{{json .Labels}}', 'longshore-owner');
const known = (id: string) => redis.cli('hset', '{longshore}:control-plane', 'id', id);

test('nothing is taken for a control plane that is yet to get its id', async () => {
  await claim('--label', 'longshore.control-plane=theirs');
  expect(await adopt()).toMatch(/^FAILED +host gpu-1: which control plane is to have it is not known/m);
  expect(await owner()).toContain('theirs');
});

test('an engine of another one is claimed, and what that one left is told and left alone', async () => {
  await known('mine');
  await claim('--label', 'longshore.control-plane=theirs');
  const flags = ['control-plane=theirs', 'container=c1', 'gpus=GPU-1'].flatMap((one) => [
    '--label',
    `longshore.${one}`,
  ]);
  await engine.docker('run', '-d', '--name', 'ls-left-f1', ...flags, 'longshore/busybox', 'sleep', '1000');
  await engine.docker('run', '-d', '--name', 'a-persons', 'longshore/busybox', 'sleep', '1000');
  const said = await adopt();
  expect(said).toMatch(/^ok +host gpu-1: it was claimed by control plane theirs, and is by this one now, mine$/m);
  expect(said).toMatch(/^warning +host gpu-1: left by theirs: ls-left-f1 \(running\), of container c1; GPUs GPU-1$/m);
  expect(said).toContain('label=longshore.control-plane=theirs | xargs docker rm -f');
  expect(said).not.toContain('a-persons');
  expect(await owner()).toContain('mine');
  expect((await engine.docker('ps', '--format', '{{.Names}}')).split('\n').toSorted()).toEqual([
    'a-persons',
    'ls-left-f1',
  ]);
});

test('its own engine, and one that is nobody`s, need no force', async () => {
  await known('mine');
  expect(await adopt()).toMatch(
    /^ok +host gpu-1: nobody had claimed it; it is claimed by this control plane now, mine$/m,
  );
  expect(await owner()).toContain('mine');
  expect(await adopt()).toMatch(
    /^ok +host gpu-1: it was claimed by this control plane before, mine; nothing was changed$/m,
  );
});

test('a volume that a person made is for a person to remove', async () => {
  await known('mine');
  await claim();
  expect(await adopt()).toMatch(
    /^FAILED .*Longshore did not make.*\n +-> on that host: docker volume rm longshore-owner$/m,
  );
});
