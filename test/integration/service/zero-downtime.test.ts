import { RolloutOrder } from '../../../gen/ts/longshore/containers/v1/rollout.js';
import type { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { ownEngine } from '../../support/engine.js';
import { type OpenLoop, startOpenLoop } from '../../support/open-loop.js';
import { progressOf } from '../../support/operation-view.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { call, type RunningService, startService } from '../../support/service.js';
import type { DeployDraft } from '../../support/service-client.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
/** Deploys, and then as many rollbacks. */
const ROUNDS = process.env.LONGSHORE_TEST_FULL === '1' ? 10 : 2;

const named = (revision: string, environment: Record<string, string> = {}): DeployDraft => ({
  imageSpec: { environment: { ...environment, REVISION: revision } },
});

let engine: PrivateEngine;
let service: RunningService;

beforeAll(async () => {
  engine = await ownEngine(2);
  await engine.images('app');
  service = await startService({ engines: [engine] });
});

afterAll(async () => {
  await service?.stop(10_000);
  await engine?.remove();
});

const portOf = (running: RunningService): number => {
  if (running.ingressPort === null) throw new Error('there is no ingress');
  return running.ingressPort;
};

/** Switches under load: a stream of 3 s begins before, and what starts after it is done comes from the new revision alone. */
async function switchTo(loop: OpenLoop, revision: string, ask: () => Promise<Operation>): Promise<Operation> {
  const streamed = loop.stream(3);
  loop.switching(revision);
  const operation = await service.client.succeeded(await ask());
  loop.done();
  const before = loop.answers(revision);
  await until(`${revision} answers`, () => loop.answers(revision) > before + 8);
  await streamed;
  return operation;
}

test('no request fails while revisions are deployed and rolled back under START_FIRST', async () => {
  const { client } = service;
  const { id, url } = await client.createContainer('busy');
  const startFirst = { rolloutOrder: RolloutOrder.ROLLOUT_ORDER_START_FIRST };
  await client.succeeded(await client.deploy(id, APP, { ...named('r0'), ...startFirst }));
  const ids = [(await client.container(id)).activeRevisionId];

  const loop = startOpenLoop({ port: portOf(service), host: new URL(url).host, revision: 'r0', everyMs: 400 });
  await until('the first revision answers', () => loop.answers('r0') >= 32);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const revision = `r${round}`;
    const done = await switchTo(loop, revision, () => client.deploy(id, APP, { ...named(revision), ...startFirst }));
    expect(progressOf(done).rolloutOrder).toBe(RolloutOrder.ROLLOUT_ORDER_START_FIRST);
    ids.push((await client.container(id)).activeRevisionId);
  }
  for (let round = ROUNDS - 1; round >= 0; round -= 1) {
    await switchTo(loop, `r${round}`, () => client.rollback(id, ids[round] ?? ''));
  }
  const { failures, sent, answered } = await loop.stop();
  expect(failures).toEqual([]);
  expect([...answered.values()].reduce((sum, count) => sum + count)).toBe(sent);
  await client.succeeded(await client.delete(id));
});

describe('under STOP_FIRST', () => {
  const gpus = { gpus: { count: 2n } };
  const listensAfter = (ms: number) => ({ APP_LISTEN_DELAY_MS: String(ms) });

  /** Resolves when the former instance is stopped and the new one does not listen yet. */
  const betweenTheTwo = (id: string) =>
    until('nothing of the container serves', async () => {
      const { instances } = await service.client.container(id);
      return instances.some(({ state }) => state === 1) && !instances.some(({ state }) => state === 2 || state === 3);
    });

  test('requests are held, and answered by the new revision', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('held');
    await client.succeeded(await client.deploy(id, APP, { ...named('old'), ...gpus }));
    const loop = startOpenLoop({
      port: portOf(service),
      host: new URL(url).host,
      revision: 'old',
      connections: 8,
      slowMs: 30_000, // they wait for the new instance
    });
    await until('the first revision answers', () => loop.answers('old') >= 8);
    loop.switching('new');
    const accepted = await client.deploy(id, APP, { ...named('new', listensAfter(2_000)), ...gpus });
    await betweenTheTwo(id);
    const held = await call(url, { timeoutMs: 60_000, method: 'POST', body: 'kept' });
    expect(held.headers['x-revision']).toBe('new');

    const done = await client.succeeded(accepted);
    loop.done();
    expect(progressOf(done).rolloutOrder).toBe(RolloutOrder.ROLLOUT_ORDER_STOP_FIRST);
    const before = loop.answers('new');
    await until('the new revision answers', () => loop.answers('new') > before + 8);
    const { failures } = await loop.stop();
    expect(failures).toEqual([]);
    await client.succeeded(await client.delete(id));
  });

  test('more than can be held are told when to come again', async () => {
    const { client } = service;
    const { id, url } = await client.createContainer('overflowing');
    await client.succeeded(await client.deploy(id, APP, { ...named('old'), ...gpus }));
    const accepted = await client.deploy(id, APP, { ...named('new', listensAfter(5_000)), ...gpus });
    await betweenTheTwo(id);
    const answers = await Promise.all(Array.from({ length: 1_050 }, () => call(url, { timeoutMs: 60_000 })));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const served = answers.filter(({ status }) => status === 200);
    expect(served.length).toBe(1_050 - refused.length);
    expect(new Set(served.map(({ headers }) => headers['x-revision']))).toEqual(new Set(['new']));
    await client.succeeded(accepted);
    await client.succeeded(await client.delete(id));
  });
});
