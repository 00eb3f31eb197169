import { diagnose } from '../../../src/doctor/doctor.js';
import type { EngineDriver } from '../../../src/engine/driver.js';
import { ownEngine } from '../../support/engine.js';
import { http } from '../../support/http.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const INTERNAL = 13;
const ATTEMPTS = 3;
const DEFECT = 'a defect that was put there';

/** Defects of the worker, which nobody foresaw. */
const defects = { create: false, start: false, sweep: false };

function defective(driver: EngineDriver): EngineDriver {
  const fail = () => Promise.reject(new TypeError(`${DEFECT}\nwith more to it`));
  return {
    ...driver,
    create: (...args) => (defects.create ? fail() : driver.create(...args)),
    start: (...args) => (defects.start ? fail() : driver.start(...args)),
    list: (filter, signal) =>
      defects.sweep && !('containerId' in filter) && !filter.active ? fail() : driver.list(filter, signal),
  };
}

describe('work that fails time and again', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    service = await startService({
      engines: [engine],
      env: { LONGSHORE_WORK_ATTEMPTS: String(ATTEMPTS), LONGSHORE_OBSERVE_INTERVAL: '1s' },
      seams: { wrapDriver: defective },
    });
  });

  afterEach(() => {
    Object.assign(defects, { create: false, start: false, sweep: false });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const named = (REVISION: string) => ({ imageSpec: { environment: { REVISION } }, gpus: { count: 1n } });
  const parked = async (kind: string) => {
    const { body } = await http(`http://127.0.0.1:${service.httpPort}/metrics`);
    return Number(new RegExp(`longshore_parked_keys{kind="${kind}"} (\\d+)`).exec(body)?.[1]);
  };
  const doctor = () => diagnose({ redisUrl: null, keyspace: 'longshore', dataDir: service.dataDir, hosts: [] });
  const statusMessage = async (id: string) => (await service.client.container(id)).statusMessage;

  test('is given up: its operation says why, what it left is undone, and the next one advances', async () => {
    const { id, url } = await service.client.createContainer('given-up');
    defects.create = true;
    const failing = await service.client.deploy(id, APP, named('one'));
    const next = await service.client.deploy(id, APP, named('two'));
    const failed = failureOf(await service.client.done(failing));
    defects.create = false;
    expect(failed).toMatchObject({
      code: INTERNAL,
      reason: 'WORK_FAILED',
      metadata: { failures: String(ATTEMPTS) },
    });
    expect(failed.message).toBe(
      `given up: the work on it failed ${ATTEMPTS} times in a row; the last time: CREATE_CONTAINER: TypeError: ${DEFECT}`,
    );
    await service.client.succeeded(next);
    expect((await call(url)).headers['x-revision']).toBe('two');
    expect(await service.client.revisions(id)).toHaveLength(1);
    await until('one instance is left', async () => (await service.client.container(id)).instances.length === 1);
    expect(await parked('container')).toBe(0);
    await service.client.succeeded(await service.client.delete(id));
  });

  test('is parked where no operation runs, which the container, the metrics and the doctor show, until there is a new one', async () => {
    const { id, url } = await service.client.createContainer('parked');
    await service.client.succeeded(await service.client.deploy(id, APP, named('one')));
    defects.start = true;
    await engine.docker(
      'kill',
      ...(await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`)).split('\n'),
    );
    await until('the container says so', async () => (await statusMessage(id)).startsWith('parked: '));
    expect(await statusMessage(id)).toBe(
      `parked: the work on it failed ${ATTEMPTS} times in a row; the last time: START_CONTAINER: TypeError: ${DEFECT}`,
    );
    expect(await parked('container')).toBe(1);
    expect(await doctor()).toContainEqual({
      state: 'FAILED',
      subject: `container ${id}`,
      text: expect.stringMatching(/^parked since 20\d\d-.*: the work on it failed 3 times in a row; the last time: /),
      mend: expect.stringContaining(`"key":"container/${id}"`),
    });
    defects.start = false;
    await service.client.succeeded(await service.client.deploy(id, APP, named('two')));
    expect((await call(url)).headers['x-revision']).toBe('two');
    expect(await statusMessage(id)).toBe('');
    expect(await parked('container')).toBe(0);
    await service.client.succeeded(await service.client.delete(id));
  });

  test('of a host is parked as well, and costs containers nothing but what belongs to the host', async () => {
    defects.sweep = true;
    await until('it is parked', async () => (await parked('host')) === 1);
    expect(await doctor()).toContainEqual(expect.objectContaining({ state: 'FAILED', subject: 'host host-1' }));
    const { id, url } = await service.client.createContainer('unconcerned');
    await service.client.succeeded(await service.client.deploy(id, APP, named('one')));
    expect((await call(url)).headers['x-revision']).toBe('one');
    defects.sweep = false;
  });
});
