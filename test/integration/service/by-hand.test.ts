import { Revision_Status } from '../../../gen/ts/longshore/containers/v1/revision.js';
import type { EngineDriver } from '../../../src/engine/driver.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';

interface Meddling {
  /** What the worker is about to do with a container, or has just done. */
  readonly step: 'start' | 'stop' | 'remove';
  readonly when: 'before' | 'after';
  readonly deed: 'removed' | 'renamed';
}

const MEDDLINGS: readonly Meddling[] = (['removed', 'renamed'] as const).flatMap((deed) => [
  { step: 'start', when: 'before', deed },
  { step: 'start', when: 'after', deed },
  { step: 'stop', when: 'before', deed },
  { step: 'stop', when: 'after', deed },
  { step: 'remove', when: 'before', deed },
]);

describe('a person with access to the host, in the middle of a deploy', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let armed: Meddling | null = null;
  let revisions = 0;

  async function meddle({ deed }: Meddling, name: string): Promise<void> {
    await engine.docker(...(deed === 'removed' ? ['rm', '-f', name] : ['rename', name, `by-hand-${revisions}`]));
  }

  async function meddled(step: Meddling['step'], name: string, act: () => Promise<void>): Promise<void> {
    const meddling = armed?.step === step ? armed : null;
    if (meddling !== null) armed = null;
    if (meddling?.when === 'before') await meddle(meddling, name);
    await act();
    if (meddling?.when === 'after') await meddle(meddling, name);
  }

  const wrapDriver = (driver: EngineDriver): EngineDriver => ({
    ...driver,
    start: (...args) => meddled('start', args[0], () => driver.start(...args)),
    stop: (...args) => meddled('stop', args[0], () => driver.stop(...args)),
    remove: (...args) => meddled('remove', args[0], () => driver.remove(...args)),
  });

  beforeAll(async () => {
    engine = await ownEngine(0);
    await engine.images('app');
    const env = { LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_WATCH_WINDOW: '1s' };
    service = await startService({ engines: [engine], env, seams: { wrapDriver } });
    container = await service.client.createContainer('app');
    // Two that are kept and one that serves, so that from now on each deploy removes one.
    for (let count = 0; count < 3; count++) await deploy();
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  async function deploy(): Promise<string> {
    const { client } = service;
    const environment = { REVISION: `r${++revisions}` };
    await client.succeeded(await client.deploy(container.id, APP, { imageSpec: { environment } }));
    return environment.REVISION;
  }

  const running = async () => (await engine.docker('ps', '-q')).split('\n').filter(Boolean);

  test.each(MEDDLINGS)('$when the $step of a container it is $deed, and the deploy succeeds', async (meddling) => {
    armed = meddling;
    const revision = await deploy();
    await until('it was meddled with', () => armed === null);
    await until('it serves, and nothing else runs', async () => {
      const { headers } = await call(container.url);
      return headers['x-revision'] === revision && (await running()).length === 1;
    });
    expect(
      (await service.client.revisions(container.id)).filter(({ status }) => status === Revision_Status.ACTIVE),
    ).toHaveLength(1);
  });

  test('and after all of it nothing is left', async () => {
    const { client } = service;
    await client.succeeded(await client.delete(container.id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });
});
