import type { EngineDriver, InstanceSpec } from '../../../src/engine/driver.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type Registry, startRegistry } from '../../support/registry.js';
import { call, type RunningService, startService } from '../../support/service.js';

const LOCAL = 'made/app:latest';

describe('an image that a person removes between its pull and the create', () => {
  let engine: PrivateEngine;
  let registry: Registry;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let reference: string;
  /** Before so many creates from now on the image goes. */
  let removals = 0;

  const wrapDriver = (driver: EngineDriver): EngineDriver => ({
    ...driver,
    create: async (instance: InstanceSpec, signal?: AbortSignal) => {
      if (removals > 0) {
        removals -= 1;
        await engine.docker('rmi', '-f', instance.imageId);
      }
      return driver.create(instance, signal);
    },
  });

  beforeAll(async () => {
    [engine, registry] = await Promise.all([ownEngine(0), startRegistry()]);
    reference = `${registry.name}/team/app:latest`;
    await engine.images('busybox');
    await make(reference, 'one');
    await engine.docker('--config', registry.dockerConfigDir, 'push', '-q', reference);
    await engine.docker('rmi', reference);
    const env = {
      LONGSHORE_DOCKER_CONFIG: `${registry.dockerConfigDir}/config.json`,
      LONGSHORE_RETAINED_INSTANCES: '0',
      LONGSHORE_RETRY_BUDGET: '2s',
      LONGSHORE_DRAIN_TIMEOUT: '1s',
    };
    service = await startService({ engines: [engine], env, seams: { wrapDriver } });
    container = await service.client.createContainer('app');
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await Promise.all([engine?.remove(), registry?.stop()]);
  });

  /** A server of one page. */
  async function make(tag: string, page: string): Promise<void> {
    const files = `mkdir /www && echo ${page} >/www/index.html`;
    await engine.docker('run', '--name', 'made', 'longshore/busybox', 'sh', '-c', files);
    await engine.docker('commit', '-c', 'CMD ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]', 'made', tag);
    await engine.docker('rm', 'made');
  }

  const page = async () => (await call(container.url)).body.trim();

  test('each time ends the deploy, which says so', async () => {
    const { client } = service;
    removals = Number.POSITIVE_INFINITY;
    const ended = await client.done(await client.deploy(container.id, reference));
    removals = 0;
    expect(failureOf(ended)).toMatchObject({
      code: 9,
      reason: 'CREATE_FAILED',
      metadata: { step: 'CREATE', host: 'host-1' },
    });
    expect(failureOf(ended).message).toMatch(/the image of revision \w+ is gone/);
    expect(await client.revisions(container.id)).toHaveLength(0);
  });

  test('is pulled again where a registry has it, and the deploy succeeds', async () => {
    const { client } = service;
    removals = 1;
    await client.succeeded(await client.deploy(container.id, reference));
    expect(removals).toBe(0);
    expect(await page()).toBe('one');
  });

  test('fails the deploy at once where no registry has it', async () => {
    const { client } = service;
    await make(LOCAL, 'two');
    removals = 1;
    const ended = await client.done(await client.deploy(container.id, LOCAL));
    expect(failureOf(ended)).toMatchObject({
      code: 9,
      reason: 'IMAGE_NOT_FOUND',
      metadata: { step: 'PULL', host: 'host-1' },
    });
    expect(failureOf(ended).message).toMatch(/image sha256:\w+ is gone and came from no registry/);
    expect(await page()).toBe('one');
    expect(await client.revisions(container.id)).toHaveLength(1);
  });
});
