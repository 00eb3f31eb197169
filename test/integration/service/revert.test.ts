import { readFile } from 'node:fs/promises';
import { type Container, Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import type { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const env = { LONGSHORE_WATCH_WINDOW: '6s', LONGSHORE_RETRY_BUDGET: '1s', LONGSHORE_RETAINED_INSTANCES: '3' };

/** Late enough to be found healthy on a machine that has much to do, and well within the watch, which begins with the switch. */
const diesWatched = { APP_EXIT_AFTER_MS: '3500' };

let engine: PrivateEngine;
let service: RunningService;

beforeAll(async () => {
  engine = await ownEngine(1);
  await engine.images('app');
  service = await startService({ engines: [engine], env });
});

afterAll(async () => {
  await service?.stop(10_000);
  await engine?.remove();
});

const revisionCalled = (name: string, more: Readonly<Record<string, string>> = {}) => ({
  imageSpec: { environment: { REVISION: name, ...more } },
});

async function deployed(id: string, name: string, more: Readonly<Record<string, string>> = {}, gpus = 0n) {
  const { client } = service;
  const draft = { ...revisionCalled(name, more), ...(gpus > 0n && { gpus: { count: gpus } }) };
  return responseOf(await client.succeeded(await client.deploy(id, APP, draft)), Revision);
}

/** A container whose revision `one` is stable, because somebody has said that it is the one to have. */
async function withStable(name: string, gpus = 0n): Promise<{ container: Container; one: Revision }> {
  const { client } = service;
  const container = await client.createContainer(name);
  const one = await deployed(container.id, 'one', {}, gpus);
  await client.succeeded(await client.rollback(container.id, one.id));
  return { container, one };
}

function operationsOf(containerId: string, filter = ''): Promise<readonly Operation[]> {
  const request = { containerId, pageSize: 1000n, pageToken: '', filter };
  return new Promise((resolve, reject) => {
    service.client.containers.listOperations(request, (error, page) =>
      error ? reject(error) : resolve(page.operations),
    );
  });
}

const reverts = (containerId: string) => operationsOf(containerId, 'created_by="longshore"');

async function goneBack(containerId: string): Promise<Operation> {
  return until('it has gone back', async () => {
    const [operation] = await reverts(containerId);
    return operation?.done === true && operation;
  });
}

const dockerIds = async (containerId: string, revisionId: string) => {
  const labels = [`longshore.container=${containerId}`, `longshore.revision=${revisionId}`];
  const text = await engine.docker(
    'ps',
    '-aq',
    '--no-trunc',
    ...labels.flatMap((label) => ['--filter', `label=${label}`]),
  );
  return text.split('\n').filter(Boolean);
};

const answeredBy = async (url: string) => (await call(url)).headers['x-revision'];

async function proven(revisionId: string): Promise<void> {
  await until('the revision is stable', async () =>
    (await readFile(service.logFile, 'utf8'))
      .split('\n')
      .some((line) => /stable from now on/.test(line) && line.includes(revisionId)),
  );
}

// Each has a container of its own, and they wait for most of their time: they go on side by side.
test.concurrent.each([
  ['without GPUs', 0n],
  ['with all GPUs', 1n],
])('a revision %s that dies within its watch is left for the stable one', async (what, gpus) => {
  const { client } = service;
  const { container, one } = await withStable(what.replaceAll(' ', '-').toLowerCase(), gpus);
  const { id, url } = container;
  const dying = { ...diesWatched, APP_EXIT_CODE: '7', APP_MESSAGE: 'out of luck' };
  const two = await deployed(id, 'two', dying, gpus);

  const operation = await goneBack(id);
  expect(operation).toMatchObject({ createdBy: 'longshore', result: { $case: 'response' } });
  expect(operation.description).toMatch(
    new RegExp(
      `^Go back from revision ${two.id}: the instance on host-1 exited with code 7, \\d s after it began to serve`,
    ),
  );
  expect(operation.description).toMatch(/; its last output:\n[\s\S]*out of luck/);
  expect(await answeredBy(url)).toBe('one');
  await until('the former one rests', async () => {
    const { activeRevisionId, statusMessage, instances } = await client.container(id);
    const left = instances.find(({ revisionId }) => revisionId === two.id);
    if (left?.state !== Instance_State.STATE_FAILED) return false;
    expect({ activeRevisionId, statusMessage }).toEqual({ activeRevisionId: one.id, statusMessage: '' });
    expect(left.message).toMatch(/exited with code 7/);
    return true;
  });
  expect((await client.revisions(id)).map((revision) => revision.id)).toEqual([two.id, one.id]);
  expect(await operationsOf(id, `description="${'Rollback container'}"`)).toHaveLength(1);
  await client.succeeded(await client.delete(id));
});

test.concurrent('one that stops answering its health checks within its watch is left too', async () => {
  const { client } = service;
  const { container, one } = await withStable('sick');
  const healthCheck = {
    probe: { $case: 'http' as const, value: { path: '/' } },
    interval: { seconds: 0n, nanos: 2e8 },
  };
  const sick = { ...revisionCalled('two', { APP_UNHEALTHY_AFTER_MS: '4000' }), healthCheck };
  await client.succeeded(await client.deploy(container.id, APP, sick));
  await until('its health is shown', async () =>
    /answered 500/.test((await client.container(container.id)).statusMessage),
  );
  expect((await goneBack(container.id)).description).toMatch(
    /was not healthy for \d s on end; last: GET \/ answered 500/,
  );
  expect((await client.container(container.id)).activeRevisionId).toBe(one.id);
  await client.succeeded(await client.delete(container.id));
});

test.concurrent('one that has lived through its watch stays, whatever happens to it, and is what the next one is left for', async () => {
  const { client } = service;
  const { id, url } = await client.createContainer('lasting');
  const one = await deployed(id, 'one');
  await proven(one.id);
  const [instance = ''] = await dockerIds(id, one.id);
  await engine.docker('kill', instance);
  await until('it serves again', async () => (await call(url)).status === 200);
  expect(await reverts(id)).toEqual([]);

  await deployed(id, 'two', { ...diesWatched, APP_EXIT_CODE: '1' });
  await goneBack(id);
  expect(await answeredBy(url)).toBe('one');
  expect(await dockerIds(id, one.id)).toEqual([instance]);
  await client.succeeded(await client.delete(id));
});

test.concurrent('the first revision has nothing to go back to, and goes on being tried, less and less often', async () => {
  const { client } = service;
  const { id } = await client.createContainer('first');
  await deployed(id, 'one', { APP_EXIT_AFTER_MS: '2500', APP_EXIT_CODE: '9' });
  const message = await until('it was started again a few times', async () => {
    const { statusMessage } = await client.container(id);
    return /after [2-9] starts/.test(statusMessage) && statusMessage;
  });
  expect(message).toMatch(
    /^the instance on host-1 exited with code 9; after \d starts in short order it is started again in \d+ s$/,
  );
  expect(await reverts(id)).toEqual([]);
  await client.succeeded(await client.delete(id));
});

// Ends the service of the others, and comes when they are done.
test('a service that starts again within the watch knows of it', async () => {
  const { container, one } = await withStable('interrupted');
  const two = await deployed(container.id, 'two');
  const { dataDir } = service;
  await service.stop(10_000);
  const [instance = ''] = await dockerIds(container.id, two.id);
  await engine.docker('kill', instance);
  service = await startService({ engines: [engine], env, dataDir });
  expect((await goneBack(container.id)).description).toMatch(/exited with code 137/);
  expect((await service.client.container(container.id)).activeRevisionId).toBe(one.id);
  await service.client.succeeded(await service.client.delete(container.id));
});
