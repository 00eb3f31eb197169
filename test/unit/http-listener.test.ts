import { HttpListener } from '../../src/http/http-listener.js';
import type { Readiness } from '../../src/http/readiness.js';
import { createLogger } from '../../src/log.js';
import { createMetrics } from '../../src/metrics.js';

const log = createLogger({ level: 'fatal' });
let listener: HttpListener | undefined;
afterEach(() => listener?.stop());

async function start(
  readiness: Readiness,
  metrics: { contentType: string; text(): Promise<string> } = createMetrics(),
) {
  listener = new HttpListener({ address: '127.0.0.1', port: 0, readiness, metrics, log });
  const port = await listener.start();
  return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
}

test('it is healthy whether it is ready or not', async () => {
  const get = await start({ redis: () => 'does not answer' });
  const response = await get('/healthz');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ok' });
});

test('it is ready once every part is, and says which are not', async () => {
  let redis: string | null = 'does not answer';
  const get = await start({ redis: () => redis, api: () => null });
  const before = await get('/readyz');
  expect(before.status).toBe(503);
  expect(await before.json()).toEqual({ ready: false, reasons: { redis: 'does not answer' } });
  redis = null;
  const after = await get('/readyz?verbose');
  expect(after.status).toBe(200);
  expect(await after.json()).toEqual({ ready: true, reasons: {} });
});

test('metrics have a name, a help text and what was told', async () => {
  const metrics = createMetrics();
  metrics.operationEnded('DEPLOY', 'PULL', 'FAILED_PRECONDITION', 3);
  metrics.rpcEnded('/longshore.containers.v1.ContainerService/Get', 'OK', 0.01);
  metrics.stepRetried('TRANSIENT');
  metrics.hostsAre([{ name: 'old', state: 'UP', orphans: [], devices: { free: 0, leased: 0, foreign: 0 } }]);
  metrics.hostsAre([{ name: 'gpu-1', state: 'UNREACHABLE', orphans: [], devices: { free: 1, leased: 2, foreign: 3 } }]);
  metrics.ingressEnded(502, 'INGRESS', 0.2);
  metrics.ingressEnded(502, 'INSTANCE', 0.2);
  metrics.ingressEnded(499, 'INSTANCE', 0.2);
  metrics.ingressEnded(431, 'INGRESS', 0.2);
  metrics.parkedAre(['container/a', 'container/b']);
  metrics.redisIs(false);
  metrics.beforeScrape(() => metrics.queueIs(7, 1.5));
  metrics.beforeScrape(() => Promise.reject(new Error('Redis is away')));
  const get = await start({}, metrics);
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  for (const line of [
    'longshore_operation_duration_seconds_count{kind="DEPLOY",step="PULL",result="FAILED_PRECONDITION"} 1',
    'longshore_rpc_duration_seconds_count{method="/longshore.containers.v1.ContainerService/Get",code="OK"} 1',
    'longshore_step_retries_total{cause="TRANSIENT"} 1',
    'longshore_host_state{host="gpu-1",state="UNREACHABLE"} 1',
    'longshore_ingress_request_duration_seconds_count{class="5xx",outcome="broken"} 1',
    'longshore_ingress_request_duration_seconds_count{class="5xx",outcome="answered"} 1',
    'longshore_ingress_request_duration_seconds_count{class="4xx",outcome="caller_left"} 1',
    'longshore_ingress_request_duration_seconds_count{class="4xx",outcome="bad_request"} 1',
    'longshore_gpus{host="gpu-1",use="leased"} 2',
    'longshore_parked_keys{kind="container"} 2',
    'longshore_parked_keys{kind="host"} 0',
    'longshore_redis_up 0',
    'longshore_queue_depth 7',
    'longshore_queue_oldest_seconds 1.5',
  ])
    expect(text).toContain(`\n${line}\n`);
  expect(text).not.toContain('host="old"');
  expect(text).toContain('process_cpu_seconds_total');
});

test('what cannot be collected is an error and not the end of the process', async () => {
  const get = await start({}, { contentType: 'text/plain', text: () => Promise.reject(new Error('broken')) });
  expect((await get('/metrics')).status).toBe(500);
  expect((await get('/healthz')).status).toBe(200);
});

test.each([
  ['GET', '/', 404],
  ['POST', '/healthz', 405],
  ['HEAD', '/healthz', 200],
])('%s %s is %d', async (method, path, status) => {
  const get = await start({});
  expect((await get(path, method)).status).toBe(status);
});

test('a port that is taken is an error of the start', async () => {
  listener = new HttpListener({ address: '127.0.0.1', port: 0, readiness: {}, metrics: createMetrics(), log });
  const port = await listener.start();
  const second = new HttpListener({ address: '127.0.0.1', port, readiness: {}, metrics: createMetrics(), log });
  await expect(second.start()).rejects.toThrow('EADDRINUSE');
});
