import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ownEngine } from '../../support/engine.js';
import type { PrivateEngine } from '../../support/private-engine.js';
import { type RunningService, startService } from '../../support/service.js';
import { until } from '../../support/until.js';

const APP = 'longshore/demo-app:latest';
const SECRET = 'nobody-may-read-this';

const line = z.object({
  msg: z.string(),
  operation: z.string().nullable(),
  container: z.string(),
  revision: z.string().nullable(),
  instance: z.string().nullable(),
  host: z.string().nullable(),
  fence: z.number(),
});

/** What is told of an instance from its placement to its end. */
const OF_AN_INSTANCE = [
  'placed an instance',
  'created a Docker container',
  'started an instance',
  'an instance is healthy',
  'switched the active revision',
  'stopped an instance',
  'freed the devices of an instance',
  'removed a Docker container',
  'forgot an instance',
];

describe('the log of a worker', () => {
  let engine: PrivateEngine;
  let service: RunningService;

  beforeAll(async () => {
    engine = await ownEngine(2);
    await engine.images('app', 'busybox');
    service = await startService({ engines: [engine] });
  });

  afterAll(async () => {
    await service?.stop(10_000);
    await engine?.remove();
  });

  const text = () => readFileSync(service.logFile, 'utf8');
  const entries = () =>
    text()
      .split('\n')
      .filter(Boolean)
      .map((json): unknown => JSON.parse(json));
  const linesOf = (container: string) =>
    entries().flatMap((entry) => {
      const told = z.looseObject({ container: z.literal(container), fence: z.number() }).safeParse(entry);
      return told.success ? [line.parse(entry)] : [];
    });

  test('has one line for each transition, with everything that it is about, and no secret', async () => {
    const { client } = service;
    const { id } = await client.createContainer('logged');
    const gpus = { count: 1n };
    const environment = { REVISION: 'one', PASSWORD: SECRET };
    const first = await client.succeeded(await client.deploy(id, APP, { gpus, imageSpec: { environment } }));
    const second = await client.succeeded(await client.deploy(id, APP, { gpus, imageSpec: { environment } }));
    const deletion = await client.succeeded(await client.delete(id));
    const lines = await until('the end is told', () => {
      const told = linesOf(id);
      return told.filter(({ msg }) => msg === 'operation ended').length === 4 && told;
    });

    const ofOperation = (operation: string) => lines.filter((one) => one.operation === operation);
    for (const { id: operation } of [first, second, deletion]) {
      const told = ofOperation(operation).map(({ msg }) => msg);
      expect(told[0]).toBe('took an operation');
      expect(told.at(-1)).toBe('operation ended');
      expect(new Set(told.filter((msg) => msg.includes('operation'))).size).toBe(2);
    }
    const placed = ofOperation(first.id).find(({ msg }) => msg === 'placed an instance');
    expect(placed).toMatchObject({ host: 'host-1', instance: expect.any(String), revision: expect.any(String) });
    const ofInstance = lines.filter(({ instance }) => instance === placed?.instance);
    expect(ofInstance.map(({ msg }) => msg)).toEqual(expect.arrayContaining(OF_AN_INSTANCE));
    for (const one of ofInstance) expect(one).toMatchObject({ host: 'host-1', revision: placed?.revision });
    const fences = lines.map(({ fence }) => fence);
    expect(fences).toEqual([...fences].sort((one, other) => one - other));
    expect(text()).not.toContain(SECRET);
  });

  test('tells of a death, of what mends it, of a rollback and of a Cancel in the same way', async () => {
    const { client } = service;
    const { id } = await client.createContainer('repaired');
    const answer = (REVISION: string) => ({ imageSpec: { environment: { REVISION } } });
    await client.succeeded(await client.deploy(id, APP, answer('one')));
    const [first] = await client.revisions(id);
    const running = () => engine.docker('ps', '-q', '--filter', `label=longshore.container=${id}`);
    await engine.docker('kill', await running());
    const told = (...wanted: readonly string[]) =>
      until(wanted.join(', '), () => {
        const lines = linesOf(id);
        return wanted.every((text) => lines.some(({ msg }) => msg === text)) && lines;
      });
    await told('an instance does not run');
    await until('it runs again', async () => (await running()) !== '');
    await client.succeeded(await client.deploy(id, APP, answer('two')));
    const rollback = await client.succeeded(await client.rollback(id, first?.id ?? ''));
    // It never listens on the port that is asked.
    const silent = await client.deploy(id, 'longshore/busybox:latest', {
      imageSpec: { command: { command: ['sleep', '3600'] } },
    });
    const ofSilent = () => linesOf(id).filter(({ operation }) => operation === silent.id);
    await until('it is started', () => ofSilent().some(({ msg }) => msg === 'started an instance'));
    await client.cancel(silent.id);
    await client.done(silent);
    const lines = await told('an instance is healthy', 'a rollout is being undone');
    for (const operation of [rollback.id, silent.id])
      expect(lines.filter((one) => one.operation === operation).at(-1)?.msg).toBe('operation ended');
    await client.succeeded(await client.delete(id));
  });

  test('has the same fields for a host', async () => {
    const changed = await until('the host is up', () =>
      entries().find((entry) => z.looseObject({ msg: z.literal('host state changed') }).safeParse(entry).success),
    );
    expect(changed).toMatchObject({
      operation: null,
      container: null,
      revision: null,
      instance: null,
      host: 'host-1',
      fence: expect.any(Number),
      from: 'UNKNOWN',
      state: 'UP',
    });
  });
});
