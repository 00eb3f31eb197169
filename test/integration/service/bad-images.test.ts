import { DeployContainerRevisionMetadata } from '../../../gen/ts/longshore/containers/v1/container_service.js';
import type { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { ownEngine } from '../../support/engine.js';
import { failureOf, type SeenFailure } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';

const NOT_FOUND = 5;

const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
const settings = (environment: Record<string, string>): DeployDraft => ({ imageSpec: { environment } });
const healthyWithin = (count: number): DeployDraft => ({ healthCheck: { deadline: seconds(count) } });
const process: DeployDraft = { runtime: { type: { $case: 'process', value: {} } } };

interface BadDeploy {
  readonly name: string;
  readonly image?: string;
  readonly draft: DeployDraft;
  readonly expected: Pick<SeenFailure, 'reason'> & { readonly step: string; readonly exitCode?: string };
  /** In the message. */
  readonly says: RegExp;
}

const BAD: readonly BadDeploy[] = [
  {
    name: 'whose registry does not answer',
    image: '127.0.0.1:9/team/app:v1',
    draft: {},
    expected: { reason: 'IMAGE_PULL_FAILED', step: 'PULL' },
    says: /^could not pull the image on host-1: pull 127.*connection refused/,
  },
  {
    name: 'that exits at once',
    draft: settings({ APP_EXIT_CODE: '3', APP_MESSAGE: 'no such model' }),
    expected: { reason: 'INSTANCE_EXITED', step: 'HEALTHY', exitCode: '3' },
    says: /exited with code 3[\s\S]*no such model/,
  },
  {
    name: 'whose command is not in the image',
    draft: { imageSpec: { command: { command: ['/no/such/program'] } } },
    // Docker's init is there by then, and cannot run it.
    expected: { reason: 'INSTANCE_EXITED', step: 'HEALTHY', exitCode: '127' },
    says: /exited with code 127[\s\S]*\/no\/such\/program/,
  },
  {
    name: 'that never listens',
    draft: { ...settings({ APP_LISTEN_DELAY_MS: '600000', APP_MESSAGE: 'loading' }), ...healthyWithin(1) },
    expected: { reason: 'HEALTH_DEADLINE', step: 'HEALTHY' },
    says: /not healthy within 1 s[\s\S]*loading/,
  },
  {
    name: 'that answers 500',
    draft: { ...settings({ APP_UNHEALTHY: '1' }), ...healthyWithin(2) },
    expected: { reason: 'HEALTH_DEADLINE', step: 'HEALTHY' },
    says: /GET \/ answered 500[\s\S]*listens on port 8080/,
  },
  {
    name: 'whose own HEALTHCHECK fails',
    image: 'test/sick',
    draft: healthyWithin(2),
    expected: { reason: 'HEALTH_DEADLINE', step: 'HEALTHY' },
    says: /the image's HEALTHCHECK says (starting|unhealthy)/,
  },
  {
    name: 'that ends before its minimum run time, as a process',
    draft: {
      ...process,
      minimumRunTime: seconds(30),
      ...settings({ APP_EXIT_CODE: '0', APP_EXIT_AFTER_MS: '200', APP_MESSAGE: 'all done' }),
    },
    expected: { reason: 'INSTANCE_EXITED', step: 'HEALTHY', exitCode: '0' },
    says: /exited with code 0[\s\S]*all done/,
  },
];

describe('deploying what cannot run', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let good: string;

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    await derive('test/sick', 'HEALTHCHECK --interval=1s --timeout=1s --retries=1 CMD ["/bin/false"]');
    await derive('test/sound', 'HEALTHCHECK --interval=1s --timeout=5s CMD ["/bin/true"]');
    // One port for what serves and one for a candidate: whatever keeps a port or the GPU blocks the deploys after it.
    const env = { LONGSHORE_RETRY_BUDGET: '2s', LONGSHORE_PLACE_TIMEOUT: '3s' };
    service = await startService({ engines: [engine], portsPerHost: 2, env });
    container = await service.client.createContainer('web');
    await service.client.succeeded(await service.client.deploy(container.id, APP, settings({ REVISION: 'good' })));
    good = (await service.client.container(container.id)).activeRevisionId;
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  async function derive(name: string, ...changes: string[]): Promise<void> {
    const made = await engine.docker('create', APP);
    await engine.docker('commit', ...changes.flatMap((change) => ['-c', change]), made, name);
    await engine.docker('rm', made);
  }

  const running = () => engine.docker('ps', '-q', '--filter', `label=longshore.container=${container.id}`);

  const getRevision = ({ metadata }: Operation) => {
    const { containerRevisionId } = DeployContainerRevisionMetadata.decode(metadata?.value ?? new Uint8Array());
    return service.client.revision(containerRevisionId);
  };

  /** The old revision serves, and nothing else of the container runs or is listed. */
  async function expectOnlyTheGoodOne(before: string): Promise<void> {
    const { client } = service;
    expect(JSON.parse((await call(container.url)).body)).toMatchObject({ revision: 'good' });
    expect(await running()).toBe(before);
    expect((await client.revisions(container.id)).map(({ id }) => id)).toEqual([good]);
    expect(await client.container(container.id)).toMatchObject({ activeRevisionId: good, statusMessage: '' });
    await until('no more is kept than the one that serves and two retained ones', async () => {
      const kept = await engine.docker('ps', '-aq', '--filter', `label=longshore.container=${container.id}`);
      return kept.split('\n').length <= 3;
    });
  }

  test.each(BAD)('an image $name', async ({ image, draft, expected, says }) => {
    const before = await running();
    const asked = await service.client.deploy(container.id, image ?? APP, { gpus: { count: 1n }, ...draft });
    const failure = failureOf(await service.client.done(asked));
    const { step, exitCode, reason } = expected;
    expect(failure).toMatchObject({ code: 9, reason, metadata: { step, host: 'host-1' } });
    expect(failure.metadata.exit_code).toBe(exitCode);
    expect(failure.message).toMatch(says);
    await expect(getRevision(asked)).rejects.toMatchObject({ code: NOT_FOUND });
    await expectOnlyTheGoodOne(before);
  });

  test('a GPU that cannot be given to a container', async () => {
    const before = await running();
    engine.failGpus('the driver is older than the library');
    const asked = await service.client.deploy(container.id, APP, { gpus: { count: 1n } });
    const failure = failureOf(await service.client.done(asked));
    engine.failGpus(undefined);
    expect(failure).toMatchObject({ code: 9, reason: 'START_FAILED', metadata: { step: 'START', host: 'host-1' } });
    expect(failure.message).toContain('the driver is older than the library');
    await expectOnlyTheGoodOne(before);
  });

  test('after all of them the GPU and the port are free, and a HEALTHCHECK that passes is enough', async () => {
    const { client } = service;
    await client.succeeded(await client.deploy(container.id, 'test/sound', { gpus: { count: 1n } }));
    const { instances, activeRevisionId } = await client.container(container.id);
    expect(activeRevisionId).not.toBe(good);
    expect(instances.flatMap(({ gpuUuids }) => gpuUuids)).toEqual(engine.gpuUuids);
  });

  test('a process is healthy once it has run for its minimum run time, and needs no port', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('worker');
    const draft = {
      ...process,
      minimumRunTime: seconds(1),
      imageSpec: { command: { command: ['/bin/sleep', '600'] } },
    };
    await client.succeeded(await client.deploy(id, APP, draft));
    const made = await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`);
    expect(await engine.docker('port', made)).toBe('');
    expect((await call(url)).status).toBe(404);
    await client.succeeded(await client.delete(id));
  });
});
