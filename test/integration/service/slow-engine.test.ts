import { setTimeout as sleep } from 'node:timers/promises';
import { ownEngine } from '../../support/engine.js';
import { type EngineCall, type EngineProxy, engineProxy } from '../../support/engine-proxy.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const called = (revision: string) => ({ imageSpec: { environment: { REVISION: revision } }, gpus: { count: 1n } });

describe('an engine that answers after a second or two', () => {
  let engine: PrivateEngine;
  let slow: EngineProxy;
  let service: RunningService;
  const changes: string[] = [];

  const note = ({ method, path }: EngineCall) => {
    const verb = method === 'DELETE' ? 'remove' : path.split('/').at(-1);
    if (method !== 'GET' && path.startsWith('/containers/')) changes.push(verb ?? '');
  };
  /** Before and after the engine's own part, so that what was asked may be long done when it is answered. Reads are most of what is asked. */
  const drag = ({ method }: EngineCall) => sleep((method === 'GET' ? 100 : 500) * (1 + Math.random()));

  beforeAll(async () => {
    engine = await ownEngine(1);
    await engine.images('app');
    slow = await engineProxy(engine.socketPath, {
      asking: (call) => {
        note(call);
        return drag(call);
      },
      answering: drag,
    });
    // Shorter than one deploy takes: leases have to be kept up while one waits for answers.
    const env = { LONGSHORE_LEASE_TTL: '3s', LONGSHORE_OBSERVE_INTERVAL: '1s', LONGSHORE_WATCH_WINDOW: '1s' };
    service = await startService({ engines: [{ ...engine, endpoint: slow.endpoint }], env });
  });

  afterAll(async () => {
    await service?.stop(20_000);
    await slow?.close();
    await engine?.remove();
  });

  test('has each thing done once, and no more', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('app');
    await client.succeeded(await client.deploy(id, APP, called('one')));
    await client.succeeded(await client.deploy(id, APP, called('two'))); // stop-first, for the one GPU
    expect((await call(url)).headers['x-revision']).toBe('two');
    const running = async () =>
      (await engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`)).split('\n');
    expect(await running()).toHaveLength(1);
    expect(changes).toEqual(['create', 'start', 'stop', 'create', 'start']);

    await engine.docker('kill', ...(await running()));
    await until('it serves again', async () => (await call(url)).status === 200, 60_000);
    expect(changes.slice(5)).toEqual(['start']);
    await client.succeeded(await client.delete(id));
    expect(changes.slice(6).sort()).toEqual(['remove', 'remove', 'stop']);
    expect(await engine.docker('ps', '-aq')).toBe('');
    expect(engine.gpuOverlaps()).toEqual([]);
  }, 300_000);
});
