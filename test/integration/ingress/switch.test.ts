import { ask, CONTAINER, routeTo, startIngress } from '../../support/ingress.js';
import { startInstance } from '../../support/instance.js';
import { startOpenLoop } from '../../support/open-loop.js';
import { until } from '../../support/until.js';

// Caller, ingress and instances are one process here, beside whatever else the machine does.
const SLOW_MS = 20_000;

test('callers notice nothing of switches from one revision to another and back', async () => {
  const first = await startInstance('r1');
  const second = await startInstance('r2');
  const { ingress, port, publish, routes } = await startIngress();
  await publish(routeTo(first.target));
  const host = `${CONTAINER}.containers.localhost`;
  const loop = startOpenLoop({ port, host, revision: 'r1', slowMs: SLOW_MS });
  const streams: Promise<void>[] = [];

  for (const [next, former] of [
    [second, first],
    [first, second],
    [second, first],
  ] as const) {
    const revision = next.target.instanceId;
    await until('the present revision answers', () => loop.answers(former.target.instanceId) > 50);
    const streamsAt = () => former.requests.filter((request) => request.startsWith('GET /stream')).length;
    const streamsBefore = streamsAt();
    streams.push(loop.stream(2));
    await until('the stream is at the former one', () => streamsAt() > streamsBefore);
    const before = loop.answers(revision);
    loop.switching(revision);
    await publish(routeTo(next.target));
    loop.done();
    await until('the new revision answers', () => loop.answers(revision) > before + 100);
    // What a worker waits for before it stops the former one.
    await Promise.all(streams);
    await until('the former one is idle', () => ingress.status().busyInstances.length === 0);
    expect(routes.reports.some(({ report }) => report.busyInstances.includes(former.target.instanceId))).toBe(true);
    await until('its connections are closed', () => former.sockets.size === 0);
  }

  const report = await loop.stop();
  expect(report.failures).toEqual([]);
  expect(report.answered.get('r1')).toBeGreaterThan(50);
  expect(report.answered.get('r2')).toBeGreaterThan(50);
  await ingress.stop(1000);
  await Promise.all([first.kill(), second.kill()]);
});

test('an instance that is stopped as soon as nobody uses it costs no request', async () => {
  const { ingress, port, publish } = await startIngress();
  let present = await startInstance('r0');
  await publish(routeTo(present.target));
  const loop = startOpenLoop({ port, host: `${CONTAINER}.containers.localhost`, revision: 'r0', slowMs: SLOW_MS });
  for (let count = 1; count <= 10; count += 1) {
    const former = present;
    present = await startInstance(`r${count}`);
    loop.switching(`r${count}`);
    await publish(routeTo(present.target));
    loop.done();
    await until('the former one is idle', () => ingress.status().busyInstances.length === 0);
    await former.kill();
    await until('the new revision answers', () => loop.answers(`r${count}`) > 20);
  }
  expect((await loop.stop()).failures).toEqual([]);
  await ingress.stop(1000);
  await present.kill();
});

test('the open-loop caller finds what it looks for', async () => {
  const { ingress, port, publish } = await startIngress();
  const wrong = await startInstance('wrong', (request, response) => {
    if (request.url === '/echo') response.end('short');
    else if (request.url?.startsWith('/stream')) response.end('line\n');
    else response.writeHead(500).end();
    return true;
  });
  await publish(routeTo(wrong.target));
  const loop = startOpenLoop({ port, host: `${CONTAINER}.containers.localhost`, revision: 'right', slowMs: 0 });
  await loop.stream(0.1);
  await until('it has its answers', () => loop.answers('wrong') > 32);
  await wrong.kill();
  const { failures } = await loop.stop();
  for (const what of ['after right was done', 'status 500', '5 bytes came back', 'took', 'cut off'])
    expect(failures.some((failure) => failure.includes(what))).toBe(true);
  await ingress.stop(0);
});

test('requests are held while a revision is replaced, and then answered by the new one', async () => {
  const former = await startInstance('r1');
  const next = await startInstance('r2');
  const { ingress, port, publish } = await startIngress({ holdLimit: 3 });
  await publish(routeTo(former.target));
  await ask(port);
  await publish({ state: 'HELD', targets: [] });
  await until('its connections are closed', () => former.sockets.size === 0);
  const held = Array.from({ length: 5 }, () => ask(port, '/echo', { method: 'POST' }, 'hello'));
  const refused = await Promise.race(held);
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBe('5');
  await publish(routeTo(next.target));
  const answers = await Promise.all(held);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 503, 503]);
  expect(
    answers.filter(({ status }) => status === 200).map(({ body, headers }) => [body, headers['x-revision']]),
  ).toEqual(Array.from({ length: 3 }, () => ['hello', 'r2']));
  await ingress.stop(0);
  await Promise.all([former.kill(), next.kill()]);
});

test('a hold that takes too long ends with 503, a deadline that comes first with 504', async () => {
  const { ingress, port, publish } = await startIngress({ holdMs: 50 });
  await publish({ state: 'HELD', targets: [] });
  const answer = await ask(port);
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  await publish({ state: 'HELD', targets: [], executionTimeoutMs: 10 });
  expect((await ask(port)).status).toBe(504);
  await ingress.stop(0);
});

test('concurrency: so many in flight per instance, the rest wait, and 429 beyond that', async () => {
  let present = 0;
  let peak = 0;
  const open: (() => void)[] = [];
  const instance = await startInstance('r1', (_request, response) => {
    present += 1;
    peak = Math.max(peak, present);
    open.push(() => {
      present -= 1;
      response.end('ok');
    });
    return true;
  });
  const { ingress, port, publish } = await startIngress({ queueLimit: 2 });
  await publish({ ...routeTo(instance.target), concurrency: 2 });
  const all = Array.from({ length: 5 }, () => ask(port));
  const refused = await Promise.race(all);
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.body)).toMatchObject({ errorCode: 429, errorType: 'ClientError' });
  for (let served = 0; served < 4; served += 1) {
    await until('a request is at the instance', () => open.length > 0);
    open.shift()?.();
  }
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 200, 200, 200, 429]);
  expect(peak).toBe(2);
  await ingress.stop(0);
  await instance.kill();
});

test.each([
  ['an unknown container', 404, { host: 'bba99999999999999999.containers.localhost' }, {}],
  ['another domain', 404, { host: 'example.com' }, {}],
  ['nothing deployed', 503, {}, { state: 'EMPTY' as const, revisionId: null }],
  ['a revision without HTTP', 404, {}, { state: 'EMPTY' as const }],
  ['no instance', 503, {}, { targets: [] }],
])('%s is answered %i', async (_name, status, headers, route) => {
  const { ingress, port, publish } = await startIngress();
  await publish(route);
  const answer = await ask(port, '/', { headers });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json');
  expect(JSON.parse(answer.body)).toMatchObject({ errorCode: status, errorMessage: expect.any(String) });
  await ingress.stop(0);
});
