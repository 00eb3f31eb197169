import { ask, CONTAINER, DOMAIN, routeTo, startIngress } from '../../support/ingress.js';
import { startInstance, type TestInstance } from '../../support/instance.js';
import { createMemoryRoutes } from '../../support/memory-routes.js';
import { until } from '../../support/until.js';

let first: TestInstance;
let second: TestInstance;

beforeAll(async () => {
  first = await startInstance('r1');
  second = await startInstance('r2');
});

afterAll(() => Promise.all([first.kill(), second.kill()]));

test('it makes itself known before it reads routes, so that no switch overlooks it', async () => {
  const { ingress, routes } = await startIngress();
  expect(routes.reports[0]?.report).toMatchObject({ appliedVersion: 0, busyInstances: [] });
  await ingress.stop(0);
});

test('a change is applied and reported at once, with the container to wake', async () => {
  const { ingress, routes, publish } = await startIngress({ beatMs: 60_000 });
  const version = await publish(routeTo(first.target));
  const last = routes.reports.at(-1);
  expect(last).toMatchObject({ report: { appliedVersion: version }, wake: [CONTAINER] });
  await ingress.stop(0);
});

test('a change whose hint was lost is found by its version', async () => {
  const { ingress, routes, port, publish } = await startIngress();
  await publish(routeTo(first.target));
  const version = routes.publish(routeTo(second.target), true);
  await until('it is applied', () => ingress.status().appliedVersion === version);
  expect((await ask(port)).body).toBe('r2');
  await ingress.stop(0);
});

test('after a gap in the hints everything is read', async () => {
  const { ingress, routes, port } = await startIngress({ beatMs: 60_000 });
  routes.publish({ ...routeTo(first.target) }, true);
  const version = routes.publish({ ...routeTo(), containerId: 'bba00000000000000002' });
  await until('it is applied', () => ingress.status().appliedVersion === version);
  expect((await ask(port)).body).toBe('r1');
  await ingress.stop(0);
});

test('a container that was removed answers 404', async () => {
  const { ingress, routes, port, publish } = await startIngress();
  await publish(routeTo(first.target));
  const version = routes.remove(CONTAINER);
  await until('it is applied', () => ingress.status().appliedVersion === version);
  expect((await ask(port)).status).toBe(404);
  await ingress.stop(0);
});

test('without the store the last routes are served for a time, then 503, and all resumes by itself', async () => {
  const { ingress, routes, port, publish } = await startIngress({ staleAfterMs: 400 });
  await publish(routeTo(first.target));
  routes.down = true;
  const version = routes.publish(routeTo(second.target));
  expect((await ask(port)).body).toBe('r1');
  await until('the routes are too old', () => !ingress.ready());
  const answer = await ask(port);
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('2');
  routes.down = false;
  await until('it is applied', () => ingress.status().appliedVersion === version);
  expect((await ask(port)).body).toBe('r2');
  await ingress.stop(0);
});

test('started without the store it answers 503 until the store is there', async () => {
  const routes = createMemoryRoutes();
  routes.down = true;
  routes.publish(routeTo(first.target));
  const { ingress, port } = await startIngress({}, routes);
  expect((await ask(port)).status).toBe(503);
  expect(ingress.ready()).toBe(false);
  routes.down = false;
  await until('it has routes', () => ingress.ready());
  expect((await ask(port)).body).toBe('r1');
  await ingress.stop(0);
});

test('of a store that takes no writes the routes are read', async () => {
  const routes = createMemoryRoutes();
  routes.readOnly = true;
  routes.publish(routeTo(first.target), true);
  const { ingress, port } = await startIngress({}, routes);
  await until('it has routes', () => ingress.ready());
  expect((await ask(port)).body).toBe('r1');
  const version = routes.publish(routeTo(second.target), true);
  await until('it is applied', () => ingress.status().appliedVersion === version);
  expect((await ask(port)).body).toBe('r2');
  expect(routes.reports).toEqual([]);
  routes.readOnly = false;
  await until('it is reported', () => routes.reports.at(-1)?.report.appliedVersion === version);
  await ingress.stop(0);
});

test('a route that cannot be read answers 503, and the others go on', async () => {
  const { ingress, routes, port, publish } = await startIngress();
  await publish(routeTo(first.target));
  routes.damaged.push(CONTAINER);
  const other = 'bba00000000000000002';
  routes.publish({ ...routeTo(second.target), containerId: other }, true);
  const last = routes.publish({ ...routeTo(second.target), containerId: other }, true);
  await until('all is read again', () => ingress.status().appliedVersion === last);
  expect((await ask(port)).status).toBe(503);
  expect((await ask(port, '/', { headers: { host: `${other}.${DOMAIN}` } })).body).toBe('r2');
  routes.damaged.length = 0;
  const mended = routes.publish(routeTo(first.target), true);
  await until('it is applied', () => ingress.status().appliedVersion === mended);
  expect((await ask(port)).body).toBe('r1');
  await ingress.stop(0);
});

test('one that can read no routes leaves when it serves none any more, and comes back with the first that it reads', async () => {
  const { ingress, routes, publish } = await startIngress({ staleAfterMs: 400 });
  await publish(routeTo(first.target));
  routes.mute = true;
  const version = routes.publish(routeTo(second.target), true);
  expect(routes.left).toEqual([]);
  await until('it has left', () => routes.left.length > 0);
  expect(ingress.ready()).toBe(false);
  routes.mute = false;
  await until('it is applied and reported', () => routes.reports.at(-1)?.report.appliedVersion === version);
  expect(ingress.status().appliedVersion).toBe(version);
  await ingress.stop(0);
});

test('a store that lost changes is followed back', async () => {
  const { ingress, routes, port, publish } = await startIngress();
  const kept = await publish(routeTo(first.target));
  await publish(routeTo(second.target));
  expect((await ask(port)).body).toBe('r2');
  routes.rewind(kept);
  await until('it follows', () => ingress.status().appliedVersion === kept);
  expect((await ask(port)).body).toBe('r1');
  const last = routes.reports.at(-1);
  expect(last?.report.appliedVersion).toBe(kept);
  await ingress.stop(0);
});

test('an instance that got idle outside the table is reported without waiting for the beat', async () => {
  const { ingress, routes, port, publish } = await startIngress({ beatMs: 60_000 });
  await publish(routeTo(first.target));
  const stream = ask(port, '/stream?seconds=0.5');
  await until('it is in flight', () => ingress.status().inFlight === 1);
  await publish(routeTo(second.target));
  expect(routes.reports.at(-1)?.report.busyInstances).toEqual(['r1']);
  await stream;
  await until('it is reported', () => routes.reports.at(-1)?.report.busyInstances.length === 0);
  expect(routes.reports.at(-1)?.wake).toEqual([CONTAINER]);
  await ingress.stop(0);
});
