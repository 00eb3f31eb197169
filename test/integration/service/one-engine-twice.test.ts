import { Instance_State } from '../../../gen/ts/longshore/containers/v1/container.js';
import { ownEngine } from '../../support/engine.js';
import { type EngineProxy, engineProxy } from '../../support/engine-proxy.js';
import { statesOf } from '../../support/host-states.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { until } from '../../support/until.js';

let engine: PrivateEngine;
let elsewhere: EngineProxy;
let service: RunningService;

beforeAll(async () => {
  engine = await ownEngine(0);
  await engine.images('busybox');
  elsewhere = await engineProxy(engine.socketPath, {});
  service = await startService({ engines: [engine, { ...engine, endpoint: elsewhere.endpoint }] });
}, 120_000);
afterAll(async () => {
  await service?.stop(10_000);
  await elsewhere?.close();
  await engine?.remove();
});

const PROCESS: DeployDraft = {
  runtime: { type: { $case: 'process', value: {} } },
  minimumRunTime: { seconds: 1n, nanos: 0 },
  imageSpec: { command: { command: ['sh', '-c', 'trap exit TERM; sleep 1000 & wait'] } },
};

test('of two entries that lead to one engine one is used, and nothing runs or is removed by the other', async () => {
  const { client } = service;
  const states = () => ['host-1', 'host-2'].map((host) => statesOf(service, host).at(-1));
  await until('both are looked at', () => states().every((state) => state !== undefined));
  expect(states().toSorted()).toEqual(['REFUSED', 'UP']);
  const used = `host-${states().indexOf('UP') + 1}`;
  const { id } = await client.createContainer('once');
  await client.succeeded(await client.deploy(id, 'longshore/busybox:latest', PROCESS));
  await client.succeeded(await client.deploy(id, 'longshore/busybox:latest', PROCESS));
  const { instances } = await client.container(id);
  expect(new Set(instances.map(({ host }) => host))).toEqual(new Set([used]));
  expect(instances.filter(({ state }) => state === Instance_State.STATE_RUNNING)).toHaveLength(1);
  await client.succeeded(await client.delete(id));
  expect(await engine.docker('ps', '-aq')).toBe('');
}, 120_000);
