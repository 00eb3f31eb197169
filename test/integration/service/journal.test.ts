import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  ContainerServiceClient,
  DeployContainerRevisionRequest,
} from '../../../gen/ts/longshore/containers/v1/container_service.js';
import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf, progressOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { type DeployDraft, responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
/** Small and quick to start: busybox' own server, for the many. */
const SMALL: DeployDraft = {
  imageSpec: {
    command: { command: ['/bin/sh', '-c', 'mkdir /www && date > /www/index.html && exec httpd -f -p $PORT -h /www'] },
  },
};
const named = (revision: string, more: Record<string, string> = {}): DeployDraft => ({
  imageSpec: { environment: { ...more, REVISION: revision } },
});

let engine: PrivateEngine;
let service: RunningService;

beforeAll(async () => {
  engine = await ownEngine(1);
  await engine.images('app', 'busybox');
  service = await startService({ engines: [engine] });
});

afterAll(async () => {
  await service?.stop(10_000);
  await engine?.remove();
});

const operationsOf = (containerId: string, pageSize: number, pageToken = '') =>
  new Promise<{ operations: Operation[]; nextPageToken: string }>((resolve, reject) => {
    const request = { containerId, pageSize: BigInt(pageSize), pageToken, filter: '' };
    service.client.containers.listOperations(request, (error: ServiceError | null, page) =>
      error ? reject(error) : resolve(page),
    );
  });

const waited = (operationId: string, timeoutMs: number) =>
  new Promise<Operation>((resolve, reject) => {
    const timeout = { seconds: BigInt(Math.floor(timeoutMs / 1000)), nanos: (timeoutMs % 1000) * 1_000_000 };
    service.client.operations.wait({ operationId, timeout }, (error: ServiceError | null, operation) =>
      error ? reject(error) : resolve(operation),
    );
  });

// Each has a container of its own, and they wait for most of their time: they go on side by side.

test.concurrent('ten deploys submitted at once run in their order, and the last one serves', async () => {
  const { client } = service;
  const { id, url } = await client.createContainer('rapid');
  const accepted: Operation[] = [];
  for (let n = 0; n < 10; n += 1) accepted.push(await client.deploy(id, APP, named(`n${n}`)));
  // Readable before anything is done with it, with all that is always filled.
  const last = accepted[9] as Operation;
  const read = await client.operation(last.id);
  expect(read).toMatchObject({ id: last.id, done: false, description: 'Deploy revision', createdBy: 'anonymous' });
  expect(progressOf(read)).toMatchObject({ percent: 0 });
  expect(read.createdAt).toEqual(last.createdAt);

  const ended = await Promise.all(accepted.map((operation) => client.succeeded(operation)));
  const times = ended.map(({ modifiedAt }) => modifiedAt?.getTime() ?? 0);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  const revisions = ended.map((operation) => responseOf(operation, Revision).id);
  expect((await client.container(id)).activeRevisionId).toBe(revisions[9]);
  expect((await client.revisions(id)).map((revision) => revision.id)).toEqual(revisions.toReversed());
  expect((await client.revisions(id)).map(({ status }) => status)).toEqual([2, ...Array(9).fill(3)]);
  expect((await call(url)).headers['x-revision']).toBe('n9');

  const first = await operationsOf(id, 6);
  const second = await operationsOf(id, 6, first.nextPageToken);
  const listed = [...first.operations, ...second.operations].map((operation) => operation.id);
  expect(listed.slice(0, 10)).toEqual(accepted.map((operation) => operation.id).toReversed());
  expect(listed).toHaveLength(11); // and the Create
  expect(second.nextPageToken).toBe('');
  await client.succeeded(await client.delete(id));
});

test.concurrent('the same idempotency key is the same operation, whatever has become of it', async () => {
  const { client } = service;
  const { id } = await client.createContainer('twice');
  const keyed = new ContainerServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('idempotency-key', '9f0e3a52-6f0c-4a37-8f4b-deploy-once');
  const deploy = (imageUrl: string) =>
    new Promise<Operation>((resolve, reject) => {
      const request = DeployContainerRevisionRequest.fromPartial({ containerId: id, imageSpec: { imageUrl } });
      keyed.deployRevision(request, metadata, (error: ServiceError | null, operation) =>
        error ? reject(error) : resolve(operation),
      );
    });
  const [one, other] = await Promise.all([deploy(APP), deploy(APP)]);
  expect(other.id).toBe(one.id);
  const done = await client.succeeded(one);
  expect(await deploy(APP)).toEqual(done);
  expect(await client.revisions(id)).toHaveLength(1);
  await expect(deploy('longshore/busybox')).rejects.toMatchObject({ code: 3 });
  keyed.close();
  await client.succeeded(await client.delete(id));
});

test.concurrent('Delete ends what is queued as CANCELLED and waits for nobody', async () => {
  const { client } = service;
  const { id } = await client.createContainer('going');
  const never = named('never', { APP_LISTEN_DELAY_MS: '600000' });
  const running = await client.deploy(id, APP, never);
  const queued = [await client.deploy(id, APP, never), await client.deploy(id, APP, never)];
  await until('the first one runs', async () => progressOf(await client.operation(running.id)).percent > 50);
  const deleted = await client.delete(id);
  for (const operation of queued) expect(failureOf(await client.done(operation))).toMatchObject({ code: 1 });
  expect(failureOf(await client.done(running))).toMatchObject({ code: 1 });
  await client.succeeded(deleted);
  expect(await engine.docker('ps', '-aq', '--filter', `label=longshore.container=${id}`)).toBe('');
  await expect(client.container(id)).rejects.toMatchObject({ code: 5 });
  const again = await client.createContainer('going'); // the name is free
  await client.succeeded(await client.delete(again.id));
});

test.concurrent('Wait answers with the present state at its timeout, and progress only grows', async () => {
  const { client } = service;
  const { id } = await client.createContainer('slow');
  const accepted = await client.deploy(id, APP, named('slow', { APP_LISTEN_DELAY_MS: '1500' }));
  const early = await waited(accepted.id, 200);
  expect(early).toMatchObject({ id: accepted.id, done: false });

  const seen: number[] = [];
  const end = await until('it is done', async () => {
    const operation = await client.operation(accepted.id);
    seen.push(progressOf(operation).percent);
    return operation.done && operation;
  });
  expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  expect(seen.at(-1)).toBe(100);
  expect(new Set(seen).size).toBeGreaterThan(2);
  expect(await waited(accepted.id, 60_000)).toEqual(end);
  await client.succeeded(await client.delete(id));
});

test.concurrent('a done operation is the same for ever: after later changes, and from another process', async () => {
  const { client } = service;
  const { id } = await client.createContainer('kept');
  const deployed = await client.succeeded(await client.deploy(id, APP, named('one')));
  const failed = await client.done(await client.deploy(id, APP, named('bad', { APP_EXIT_CODE: '7' })));
  const rolledBack = await client.succeeded(await client.rollback(id, responseOf(deployed, Revision).id));
  const bytes = (operation: Operation) => Buffer.from(Operation.encode(operation).finish()).toString('hex');
  const before = [deployed, failed, rolledBack].map(bytes);
  await client.succeeded(await client.deploy(id, APP, named('two')));
  await client.succeeded(await client.delete(id));

  // Another API process on the same Redis, reached through the socket of the embedded one.
  const REDIS_URL = `unix://${service.dataDir}/redis/redis.sock`;
  const other = await startService({ engines: [engine], env: { REDIS_URL, LONGSHORE_ROLES: 'api' } });
  for (const { client: reader } of [service, other]) {
    const read = await Promise.all([deployed, failed, rolledBack].map((operation) => reader.operation(operation.id)));
    expect(read.map(bytes)).toEqual(before);
  }
  await other.stop(5_000);
});

// After all the others: it counts every container of the engine.
test('thirty containers are deployed side by side', async () => {
  const { client } = service;
  const containers = await Promise.all(Array.from({ length: 30 }, (_, n) => client.createContainer(`many-${n}`)));
  const deploys = await Promise.all(containers.map(({ id }) => client.deploy(id, 'longshore/busybox', SMALL)));
  await Promise.all(deploys.map((operation) => client.succeeded(operation)));
  const answers = await Promise.all(containers.map(({ url }) => call(url)));
  expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
  const seen = await Promise.all(containers.map(({ id }) => client.container(id)));
  expect(new Set(seen.map(({ instances }) => instances[0]?.address)).size).toBe(30);
  const deletes = await Promise.all(containers.map(({ id }) => client.delete(id)));
  await Promise.all(deletes.map((operation) => client.succeeded(operation)));
  expect(await engine.docker('ps', '-aq')).toBe('');
});
