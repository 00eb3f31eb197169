import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import type { Diagnosis } from '../../src/doctor/diagnosis.js';
import { diagnoseHost } from '../../src/doctor/host.js';
import type { HostRecord } from '../../src/domain/host.js';
import { makeCa, makeCertificate, type Pair } from '../support/pem.js';
import { freePort } from '../support/ports.js';
import { type PrivateEngine, startPrivateEngine } from '../support/private-engine.js';
import { aHost } from '../support/reconciler/builders.js';
import { newDirectory } from '../support/run-directory.js';

let dir: string;
let ca: Pair;
let otherCa: Pair;
let client: Pair;
let engine: PrivateEngine;
let endpoint: string;
const servers: { close(): void }[] = [];

const text = (path: string) => readFileSync(path, 'utf8');

beforeAll(async () => {
  dir = newDirectory('doctor');
  ca = await makeCa(dir);
  otherCa = await makeCa(dir, 'other');
  const server = await makeCertificate(dir, ca, 'server');
  client = await makeCertificate(dir, ca, 'client');
  endpoint = `tcp://127.0.0.1:${await freePort()}`;
  engine = await startPrivateEngine({
    dir: join(dir, 'e'),
    gpus: 0,
    config: { hosts: [endpoint], tlsverify: true, tlscacert: ca.cert, tlscert: server.cert, tlskey: server.key },
  });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await engine?.remove();
});

interface Entry {
  readonly at?: string;
  readonly authority?: Pair;
  /** Null: no tls in the entry. */
  readonly by?: Pair | null;
}

function look(
  { at = endpoint, authority = ca, by = client }: Entry,
  controlPlane: { id: string | null } | null = null,
  record: HostRecord | null = null,
) {
  const tls = by && { ca: text(authority.cert), cert: text(by.cert), key: text(by.key) };
  const rest = { labels: {}, gpus: [], ports: { first: 40_000, last: 40_001 }, address: '127.0.0.1' };
  return diagnoseHost({ name: 'gpu-1', endpoint: at, tls, ...rest }, controlPlane, record);
}

/** A server that is no engine; what is looked at here fails before the first request. */
async function listening(
  server: Server | ReturnType<typeof createPlainServer>,
  address = '127.0.0.1',
): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  servers.push(server);
  const bound = server.address();
  return `tcp://${address}:${typeof bound === 'object' ? bound?.port : ''}`;
}

const secure = (pair: Pair, address?: string) =>
  listening(createServer({ cert: text(pair.cert), key: text(pair.key) }), address);

const failure = (mend: RegExp): readonly Partial<Diagnosis>[] => [
  { state: 'FAILED', subject: 'host gpu-1', mend: expect.stringMatching(mend) },
];

describe('what workers see of a host is told beside what this machine sees', () => {
  test.each([
    ['LOST', 'FAILED', /LONGSHORE_LOST_HOST_POLICY/],
    ['UNREACHABLE', 'warning', /machines of the workers/],
    ['RETURNING', 'warning', /log/],
  ] as const)('one that is %s', async (state, verdict, mend) => {
    const record = aHost('gpu-1', { state, since: 0, message: 'why' });
    const told = await look({}, null, record);
    expect(told.map((one) => one.state)).toEqual(['ok', 'ok', 'ok', verdict]);
    expect(told.at(-1)?.text).toMatch(new RegExp(`as ${state} since 1970-01-01T00:00:00.000Z: why`));
    expect(told.at(-1)?.mend).toMatch(mend);
  });

  test('one that is up', async () => {
    expect(await look({}, null, aHost('gpu-1'))).toHaveLength(3);
  });
});

describe('a fault of TLS names the field of the hosts file to look at', () => {
  test('none where all files are right', async () => {
    expect((await look({})).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  test('another authority', async () => {
    expect(await look({ authority: otherCa })).toMatchObject(failure(/look at tls\.ca of/));
  });

  test('a certificate of ours that the engine refuses', async () => {
    const stranger = await makeCertificate(dir, otherCa, 'stranger');
    expect(await look({ by: stranger })).toMatchObject(failure(/look at tls\.cert and tls\.key of/));
  });

  test('no certificate of ours', async () => {
    expect(await look({ by: null })).toMatchObject(failure(/give its entry in the hosts file tls/));
  });

  test('a certificate of the engine that has expired', async () => {
    const late = await secure(await makeCertificate(dir, ca, 'late', -1));
    expect(await look({ at: late })).toMatchObject(failure(/renew the engine's own certificate/));
  });

  test('a certificate for another name', async () => {
    const elsewhere = await secure(await makeCertificate(dir, ca, 'elsewhere'), '127.0.0.2');
    expect(await look({ at: elsewhere })).toMatchObject(failure(/write into endpoint .*127\.0\.0\.2/));
  });

  test('a port where no TLS is spoken', async () => {
    const plain = await listening(createPlainServer());
    expect(await look({ at: plain })).toMatchObject(failure(/speaks no TLS: see that endpoint/));
  });

  test('a port where nothing listens is none', async () => {
    expect(await look({ at: `tcp://127.0.0.1:${await freePort()}` })).toMatchObject(
      failure(/see that the engine runs/),
    );
  });
});

describe('an engine that another control plane has claimed', () => {
  const claimed = (state: Diagnosis['state'], mend: RegExp) =>
    expect.arrayContaining([
      expect.objectContaining({
        state,
        text: expect.stringContaining('theirs'),
        mend: expect.stringMatching(mend),
      }),
    ]);
  const MEND = /only if that one is gone for good.*docs\/operations\.md.*longshore hosts adopt gpu-1/;

  beforeAll(() => engine.docker('volume', 'create', '--label', 'longshore.control-plane=theirs', 'longshore-owner'));

  test('is a failure for one that has an id of its own, and for one that is yet to get one', async () => {
    expect(await look({}, { id: 'mine' })).toEqual(claimed('FAILED', MEND));
    expect(await look({}, { id: null })).toEqual(claimed('FAILED', MEND));
  });

  test('is shown, and not judged, where our own id is not known', async () => {
    expect(await look({}, null)).toEqual(claimed('warning', /^$/));
  });

  test('is fine where it is ours', async () => {
    expect((await look({}, { id: 'theirs' })).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  test('is a failure where it is ours as another host', async () => {
    await engine.docker('volume', 'rm', 'longshore-owner');
    const labels = ['--label', 'longshore.control-plane=theirs', '--label', 'longshore.host=gpu-9'];
    await engine.docker('volume', 'create', ...labels, 'longshore-owner');
    expect(await look({}, { id: 'theirs' })).toContainEqual(
      expect.objectContaining({ state: 'FAILED', text: expect.stringContaining('is host gpu-9 already') }),
    );
  });
});
