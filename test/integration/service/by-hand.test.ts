import { readFileSync } from 'node:fs';
import { Revision_Status } from '../../../gen/ts/longshore/containers/v1/revision.js';
import { RolloutOrder } from '../../../gen/ts/longshore/containers/v1/rollout.js';
import type { EngineDriver } from '../../../src/engine/driver.js';
import type { ScriptRunner } from '../../../src/store/script-runner.js';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';

interface Meddling {
  /** What the worker is about to do with a container, or has just done. */
  readonly step: 'create' | 'start' | 'switch' | 'stop' | 'remove';
  readonly when: 'before' | 'after';
  readonly deed: 'removed' | 'renamed';
}

const MEDDLINGS: readonly Meddling[] = (['removed', 'renamed'] as const).flatMap((deed) => [
  { step: 'create', when: 'after', deed },
  { step: 'start', when: 'before', deed },
  { step: 'start', when: 'after', deed },
  { step: 'stop', when: 'before', deed },
  { step: 'stop', when: 'after', deed },
  { step: 'remove', when: 'before', deed },
]);

/** The one GPU goes from the former instance to the next: what is done to one of them must not cost the other its turn. */
const STOP_FIRST = MEDDLINGS.filter(({ step }) => step !== 'remove');

/** Healthy when it was switched to: one that is removed then has died while it was watched. */
const AT_THE_SWITCH: readonly Meddling[] = (['removed', 'renamed'] as const).flatMap((deed) => [
  { step: 'switch', when: 'before', deed },
  { step: 'switch', when: 'after', deed },
]);

describe('a person with access to the host, in the middle of a deploy', () => {
  let engine: PrivateEngine;
  let service: RunningService;
  let container: { readonly id: string; readonly url: string };
  let armed: Meddling | null = null;
  let revisions = 0;
  let renamed = 0;

  async function meddle({ deed }: Meddling, name: string): Promise<void> {
    const args = deed === 'removed' ? ['rm', '-f', name] : ['rename', name, `by-hand-${++renamed}`];
    await engine.docker(...args);
  }

  /** `nameOf`: of the container that it is done with. */
  async function meddled<T>(step: Meddling['step'], nameOf: () => Promise<string>, act: () => Promise<T>): Promise<T> {
    const meddling = armed?.step === step ? armed : null;
    if (meddling !== null) armed = null;
    if (meddling?.when === 'before') await meddle(meddling, await nameOf());
    const done = await act();
    if (meddling?.when === 'after') await meddle(meddling, await nameOf());
    return done;
  }

  const named = (name: string) => () => Promise.resolve(name);
  const latest = () => engine.docker('ps', '-lq');
  const wrapDriver = (driver: EngineDriver): EngineDriver => ({
    ...driver,
    create: (...args) => meddled('create', named(args[0].name), () => driver.create(...args)),
    start: (...args) => meddled('start', named(args[0]), () => driver.start(...args)),
    stop: (...args) => meddled('stop', named(args[0]), () => driver.stop(...args)),
    remove: (...args) => meddled('remove', named(args[0]), () => driver.remove(...args)),
  });
  const wrapScripts = (runner: ScriptRunner): ScriptRunner => ({
    run: (name, args) => {
      const run = () => runner.run(name, args);
      return name === 'switch-revision' ? meddled('switch', latest, run) : run();
    },
  });

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    const env = { LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_WATCH_WINDOW: '1s' };
    service = await startService({ engines: [engine], env, seams: { wrapDriver, wrapScripts } });
    container = await service.client.createContainer('app');
    // Two that are kept and one that serves, so that from now on each deploy removes one.
    for (let count = 0; count < 3; count++) await deploy();
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  async function deploy(id = container.id, more: DeployDraft = {}): Promise<string> {
    const { client } = service;
    const environment = { REVISION: `r${++revisions}` };
    await client.succeeded(await client.deploy(id, APP, { ...more, imageSpec: { environment } }));
    return environment.REVISION;
  }

  /** What is active now is what a later one would be left for. */
  async function proven(): Promise<void> {
    const { activeRevisionId } = await service.client.container(container.id);
    const told = () => readFileSync(service.logFile, 'utf8').split('\n');
    await until('it has proved itself', () =>
      told().some((line) => line.includes('a revision is stable from now on') && line.includes(activeRevisionId)),
    );
  }

  const running = async (id: string) =>
    (await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`)).split('\n').filter(Boolean);

  async function servesAlone({ id, url }: typeof container, revision: string): Promise<void> {
    await until('it was meddled with', () => armed === null);
    await until('it serves, and nothing else runs', async () => {
      const { headers } = await call(url);
      return headers['x-revision'] === revision && (await running(id)).length === 1;
    });
    const active = (await service.client.revisions(id)).filter(({ status }) => status === Revision_Status.ACTIVE);
    expect(active).toHaveLength(1);
  }

  test.each(MEDDLINGS)('$when the $step of a container it is $deed, and the deploy succeeds', async (meddling) => {
    armed = meddling;
    await servesAlone(container, await deploy());
  });

  test.each(AT_THE_SWITCH)(
    '$when the switch to it it is $deed: it is kept up, or what was before it is',
    async (meddling) => {
      const former = await deploy();
      await proven();
      armed = meddling;
      const revision = await deploy();
      await servesAlone(container, meddling.deed === 'removed' ? former : revision);
    },
  );

  describe('under stop-first', () => {
    const WITH_GPU = { gpus: { count: 1n }, rolloutOrder: RolloutOrder.ROLLOUT_ORDER_STOP_FIRST };
    let exclusive: typeof container;

    beforeAll(async () => {
      exclusive = await service.client.createContainer('exclusive');
      await deploy(exclusive.id, WITH_GPU);
    });

    afterAll(async () => {
      await service.client.succeeded(await service.client.delete(exclusive.id));
    });

    test.each(STOP_FIRST)('$when the $step of a container it is $deed, and the deploy succeeds', async (meddling) => {
      armed = meddling;
      await servesAlone(exclusive, await deploy(exclusive.id, WITH_GPU));
    });
  });

  test('and after all of it nothing is left', async () => {
    const { client } = service;
    await client.succeeded(await client.delete(container.id));
    expect(await engine.docker('ps', '-aq')).toBe('');
  });
});
