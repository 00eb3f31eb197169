import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Revision } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { PullPolicy, RolloutOrder } from '../../../gen/ts/longshore/containers/v1/rollout.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf, progressOf } from '../../support/operation-view.js';
import { makePage, pushPage } from '../../support/page-image.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type Registry, startRegistry } from '../../support/registry.js';
import { newDirectory } from '../../support/run-directory.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { responseOf } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const always = { pullPolicy: PullPolicy.PULL_POLICY_ALWAYS };
/** The only GPU there is: every deploy but the first is stop-first. */
const gpu = { gpus: { count: 1n } };

let engine: PrivateEngine;
let registry: Registry;
let service: RunningService;
let configFile: string;
let reference: string;

beforeAll(async () => {
  [engine, registry] = await Promise.all([ownEngine(1), startRegistry()]);
  await engine.images('busybox');
  reference = `${registry.name}/team/app:latest`;
  configFile = join(newDirectory('docker-config'), 'config.json');
  await copyFile(join(registry.dockerConfigDir, 'config.json'), configFile);
  // Nothing retained: a rollback has to have its image.
  const env = {
    LONGSHORE_DOCKER_CONFIG: configFile,
    LONGSHORE_RETAINED_INSTANCES: '0',
    LONGSHORE_RETRY_BUDGET: '2s',
    LONGSHORE_PLACE_TIMEOUT: '5s',
    LONGSHORE_DRAIN_TIMEOUT: '1s',
  };
  service = await startService({ engines: [engine], env });
});

afterAll(async () => {
  await service?.stop(10_000);
  await Promise.all([engine?.remove(), registry?.stop()]);
});

const push = (tag: string, page: string) => pushPage(engine, registry, tag, page);

/** The former instance, from which a rollback would start, goes after its operation has ended. */
const onlyOneIsLeft = (id: string) =>
  until('the former instance is gone', async () => {
    const all = await engine.docker('ps', '-aq', '--filter', `label=longshore.container=${id}`);
    return all.split('\n').length === 1;
  });

const page = async (url: string) => (await call(url)).body.trim();

test('an image of a registry: credentials, progress, digest, a tag that moves, and images that are gone', async () => {
  const { client } = service;
  const { id, url } = await client.createContainer('pulled');
  await push(reference, 'one');

  const accepted = await client.deploy(id, reference, gpu);
  const pulling = await until('bytes are told', async () => {
    const progress = progressOf(await client.operation(accepted.id));
    return progress.bytesTotal > 0n && progress;
  });
  expect(pulling.bytesDone).toBeLessThanOrEqual(pulling.bytesTotal);
  const one = responseOf(await client.succeeded(accepted), Revision);
  expect(await page(url)).toBe('one');
  const digests = await engine.docker('image', 'inspect', '--format', '{{join .RepoDigests " "}}', reference);
  expect(digests).toBe(`${registry.name}/team/app@${one.image?.imageDigest}`);

  // The tag moves; the engine knows only the old image by it.
  const oldImage = await engine.docker('image', 'inspect', '--format', '{{.Id}}', reference);
  await engine.docker('tag', oldImage, 'kept:old');
  await engine.docker('rmi', reference);
  await push(reference, 'two');
  await engine.docker('tag', 'kept:old', reference);
  const same = responseOf(await client.succeeded(await client.deploy(id, reference, gpu)), Revision);
  expect(await page(url)).toBe('one');
  expect(same.image?.imageDigest).toBe(oldImage); // with its name the engine forgot the digest
  const two = responseOf(await client.succeeded(await client.deploy(id, reference, { ...gpu, ...always })), Revision);
  expect(await page(url)).toBe('two');
  const newImage = await engine.docker('image', 'inspect', '--format', '{{.Id}}', reference);
  expect(two.image?.imageDigest).not.toBe(one.image?.imageDigest);
  await client.succeeded(await client.rollback(id, two.id)); // the active one: nothing changes
  expect(await page(url)).toBe('two');

  // Gone from the engine, but not from the registry: the rollback pulls the old one by its digest, whatever the tag says.
  await onlyOneIsLeft(id);
  await engine.docker('rmi', '-f', oldImage);
  const back = await client.succeeded(await client.rollback(id, one.id));
  expect(progressOf(back).message).toBe('the instance was created anew: none was kept that can be started');
  expect(await page(url)).toBe('one');

  // Gone from both: the rollback ends before anything is stopped.
  const serving = () => engine.docker('ps', '-q', '--no-trunc', '--filter', `label=longshore.container=${id}`);
  const before = await serving();
  const startedAt = () => engine.docker('inspect', '--format', '{{.State.StartedAt}}', before);
  const since = await startedAt();
  await registry.forget('team/app');
  await onlyOneIsLeft(id);
  await engine.docker('rmi', '-f', newImage);
  const failed = await client.done(await client.rollback(id, two.id));
  expect(failureOf(failed)).toMatchObject({
    code: 9,
    reason: 'IMAGE_NOT_FOUND',
    metadata: { step: 'PULL', host: 'host-1' },
    message: expect.stringMatching(/manifest unknown|not found/),
  });
  expect(progressOf(failed).rolloutOrder).toBe(RolloutOrder.ROLLOUT_ORDER_STOP_FIRST);
  expect([await serving(), await startedAt()]).toEqual([before, since]);
  expect(await page(url)).toBe('one');
  expect((await client.container(id)).activeRevisionId).toBe(one.id);
  await client.succeeded(await client.delete(id));
});

test('a rollback to an image that only the engine had, and has no more, ends at once with nothing stopped', async () => {
  const { client } = service;
  const { id, url } = await client.createContainer('local');
  await makePage(engine, 'only-here:1', 'one');
  const one = responseOf(await client.succeeded(await client.deploy(id, 'only-here:1', gpu)), Revision);
  await makePage(engine, 'only-here:2', 'two');
  await client.succeeded(await client.deploy(id, 'only-here:2', gpu));
  await onlyOneIsLeft(id);
  await engine.docker('rmi', 'only-here:1');
  const failed = await client.done(await client.rollback(id, one.id));
  const description = 'does not have the image, and no registry can bring it there';
  expect(failureOf(failed)).toMatchObject({
    code: 9,
    reason: 'NO_SUITABLE_HOST',
    metadata: { step: 'PLACE' },
    preconditions: { 'host/host-1': description },
  });
  expect(await page(url)).toBe('two');
  await client.succeeded(await client.delete(id));
});

describe('an image that cannot be had', () => {
  const deployed = async (image: string) => {
    const { client } = service;
    const { id } = await client.createContainer(`refused-${Math.random().toString(36).slice(2, 8)}`);
    const failure = failureOf(await client.done(await client.deploy(id, image, gpu)));
    expect(await client.revisions(id)).toEqual([]);
    expect(await client.container(id)).toMatchObject({ activeRevisionId: '', instances: [] });
    await client.succeeded(await client.delete(id));
    return failure;
  };
  const refusal = (reason: string, says: RegExp) => ({
    code: 9,
    reason,
    metadata: { step: 'PULL', host: 'host-1' },
    message: expect.stringMatching(says),
  });

  test('because it does not exist', async () => {
    const failure = await deployed(`${registry.name}/team/nothing:v1`);
    expect(failure).toMatchObject(
      refusal('IMAGE_NOT_FOUND', /^could not pull the image on host-1: pull \S+: manifest/),
    );
    // Not one more try.
    const refused = readFileSync(service.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes('nothing:v1'));
    expect(refused.filter((line) => line.includes('PULL_IMAGE'))).toHaveLength(1);
  });

  test('because the credentials are missing or wrong, and no secret is told', async () => {
    const image = `${registry.name}/team/private:v1`;
    await push(image, 'private');
    const auth = Buffer.from(`${registry.username}:a-wrong-password`).toString('base64');
    for (const auths of [{}, { [registry.name]: { auth } }]) {
      await writeFile(configFile, JSON.stringify({ auths }));
      const failure = await deployed(image);
      expect(failure).toMatchObject(
        refusal('IMAGE_PULL_FAILED', /no basic auth credentials|unauthorized|authentication required/),
      );
      expect(failure.message).not.toContain('a-wrong-password');
    }
    const logged = readFileSync(service.logFile, 'utf8');
    expect(logged).toContain('could not pull the image');
    for (const secret of ['a-wrong-password', auth, registry.password]) expect(logged).not.toContain(secret);
  });
});
