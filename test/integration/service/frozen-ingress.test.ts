import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { treePath } from '../../../src/paths.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { http } from '../../support/http.js';
import { MEMORY_IMAGE, type MemoryService, startMemoryService } from '../../support/memory-service.js';
import { freePort } from '../../support/ports.js';
import { type RedisServer, startRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

/** The built service where there is one, as it is shipped; else the same from its sources. */
const PROGRAM = existsSync(treePath('dist', 'cli.js'))
  ? [treePath('dist', 'cli.js')]
  : ['--import', 'tsx', treePath('src', 'cli.ts')];

let redis: RedisServer;
let service: MemoryService;
let ingress: Daemon;
let ingressAddr: string;
const servers: Server[] = [];

beforeAll(async () => {
  redis = await startRedis();
  service = await startMemoryService(redis.url, { LONGSHORE_ROLES: 'api,worker', LONGSHORE_DRAIN_TIMEOUT: '1s' });
  ingressAddr = `127.0.0.1:${await freePort()}`;
  const httpAddr = `127.0.0.1:${await freePort()}`;
  ingress = startDaemon(process.execPath, [...PROGRAM, 'serve'], {
    REDIS_URL: redis.url,
    LONGSHORE_ROLES: 'ingress',
    LONGSHORE_INGRESS_ADDR: ingressAddr,
    LONGSHORE_HTTP_ADDR: httpAddr,
  });
  await until(
    'the ingress is ready',
    async () => {
      if (!ingress.running()) throw new Error(ingress.output());
      return (await http(`http://${httpAddr}/readyz`)).status === 200;
    },
    120_000,
  );
});
afterAll(async () => {
  await ingress?.stop();
  for (const server of servers) server.close();
  await service?.stop(5_000);
  await redis?.stop();
});

/** What answers at an instance's address, which in memory nobody does. */
function answerAt(address: string, name: string) {
  const callers = { count: 0 };
  const server = createServer((_, response) => {
    callers.count += 1;
    response.end(name);
  });
  servers.push(server);
  const [host, port] = address.split(':');
  return new Promise<{ server: Server; callers: { count: number } }>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), host, () => resolve({ server, callers }));
  });
}

const close = (server: Server) =>
  new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });

test('an ingress that is frozen is not waited for, and when it wakes it sends nothing to where an instance was', async () => {
  const { client } = service;
  const { id } = await client.createContainer('frozen');
  const call = () => http(`http://${ingressAddr}/`, { headers: { host: `${id}.containers.localhost` } });
  const addressOf = async () => {
    // Those that are stopped have none.
    const addresses = (await client.container(id)).instances.map(({ address }) => address).filter(Boolean);
    return addresses.length === 1 ? addresses[0] : undefined;
  };
  await client.succeeded(await client.deploy(id, MEMORY_IMAGE));
  const former = (await addressOf()) ?? '';
  const first = await answerAt(former, 'first');
  await until('it is served', async () => (await call()).body === 'first');

  ingress.signal('SIGSTOP');
  await client.succeeded(await client.deploy(id, MEMORY_IMAGE, { imageSpec: { environment: { N: '2' } } }));
  const present = await until('the former instance is stopped', async () => {
    const address = await addressOf();
    return address !== former && address;
  });
  await answerAt(present, 'second');
  await close(first.server);
  const stranger = await answerAt(former, 'stranger');
  // They arrive before the ingress can have heard of anything.
  const waiting = Array.from({ length: 5 }, call);
  ingress.signal('SIGCONT');
  for (const { status, body } of await Promise.all(waiting))
    if (status !== 503) expect([status, body]).toEqual([200, 'second']);
  await until('the new revision is served', async () => (await call()).body === 'second');
  expect(stranger.callers.count).toBe(0);
});
