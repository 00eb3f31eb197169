import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChannelCredentials, Client, credentials, status } from '@grpc/grpc-js';
import { ServerReflectionClient } from '../../gen/ts/grpc/reflection/v1/reflection.js';
import {
  type HealthCheckResponse,
  HealthClient,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/ts/health/v1/health.js';
import { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import type { DomainError } from '../../src/domain/errors.js';
import { treePath } from '../../src/paths.js';
import type { CallContext } from '../../src/rpc/call-context.js';
import { command } from '../support/command.js';
import { rawCall, type StubOptions, type StubServer, startStubServer } from '../support/grpc-server.js';
import { until } from '../support/until.js';

const WAIT = '/longshore.operation.v1.OperationService/Wait';
const GET = '/longshore.operation.v1.OperationService/Get';
const NOTHING = Buffer.alloc(0);
const POST_GET = { ':method': 'POST', ':path': GET, 'content-type': 'application/grpc', te: 'trailers' };

const open: StubServer[] = [];
async function start(options: StubOptions = {}) {
  const server = await startStubServer(options);
  open.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

function checkHealth(client: HealthClient, service: string) {
  return new Promise<ServingStatus | status>((resolve) => {
    client.check({ service }, (error, response) => resolve(error ? error.code : response.status));
  });
}

describe('health', () => {
  test('follows readiness, for the process and for each service', async () => {
    let ready = false;
    const server = await start({ ready: () => ready });
    const client = new HealthClient(server.address, credentials.createInsecure());
    const names = ['', 'longshore.operation.v1.OperationService', 'yandex.cloud.operation.OperationService'];
    const all = () => Promise.all(names.map((name) => checkHealth(client, name)));
    expect(await all()).toEqual(Array(3).fill(ServingStatus.NOT_SERVING));
    ready = true;
    expect(await all()).toEqual(Array(3).fill(ServingStatus.SERVING));
    expect(await checkHealth(client, 'no.such.Service')).toBe(status.NOT_FOUND);
    client.close();
  });

  test('a watch hears of changes, and of the end when the server shuts down', async () => {
    let ready = true;
    const server = await start({ ready: () => ready });
    const client = new HealthClient(server.address, credentials.createInsecure());
    const heard: ServingStatus[] = [];
    const watch = client.watch({ service: '' });
    const ended = new Promise((resolve) => watch.on('end', resolve));
    watch.on('data', (response: HealthCheckResponse) => heard.push(response.status));
    await until('it serves', () => heard.length === 1);
    ready = false;
    await until('it does not', () => heard.length === 2);
    ready = true;
    await until('it serves again', () => heard.length === 3);
    await server.close(10_000);
    await ended;
    const { SERVING, NOT_SERVING } = ServingStatus;
    expect(heard).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    client.close();
  });
});

describe('close', () => {
  test('tells long polls, lets them answer and takes no new calls', async () => {
    let polling = false;
    const server = await start({
      operations: {
        wait: async (_request, { waiting: signal }) => {
          polling = true;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return Operation.fromPartial({ id: 'as it is' });
        },
      },
    });
    const waiting = rawCall(server.address, WAIT, NOTHING);
    await until('the poll is there', () => polling);
    await server.close(60_000);
    const { error, bytes } = await waiting;
    expect(error).toBeNull();
    expect(Operation.decode(bytes).id).toBe('as it is');
    const late = await rawCall(server.address, GET, NOTHING);
    expect(late.error?.code).toBe(status.UNAVAILABLE);
  });

  test('answers a call that does not end with UNAVAILABLE, and aborts its signal', async () => {
    const contexts: CallContext[] = [];
    const server = await start({
      operations: {
        get: (_request, given) => {
          contexts.push(given);
          return new Promise(() => undefined);
        },
      },
    });
    // With a deadline of its caller's and without.
    const stuck = [undefined, Date.now() + 60_000].map((deadline) =>
      rawCall(server.address, GET, NOTHING, deadline === undefined ? {} : { deadline }),
    );
    await until('the calls are there', () => contexts.length === 2);
    await Promise.all([server.close(50), server.close(50)]);
    for (const { error } of await Promise.all(stuck)) {
      expect([error?.code, error?.details]).toEqual([status.UNAVAILABLE, expect.stringContaining('shut down before')]);
      expect(error?.metadata.get('grpc-status-details-bin')).toHaveLength(1);
    }
    const reasons = contexts.map(({ signal }) => (signal.reason as DomainError).failure.code);
    expect(reasons).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(server.calls.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  });

  test('ends the connections of callers who stay, are silent or do not read', async () => {
    const server = await start({ operations: { get: () => new Promise(() => undefined) } });
    const idle = connect(`http://${server.address}`);
    await once(idle, 'connect');
    await ping(idle);
    // In the middle of a stream that it does not end.
    const reflecting = new ServerReflectionClient(server.address, credentials.createInsecure());
    const stream = reflecting.serverReflectionInfo();
    const reflected = new Promise<status>((resolve) => {
      stream.on('status', ({ code }) => resolve(code));
      stream.on('error', () => undefined);
    });
    stream.write({ host: '', messageRequest: { $case: 'listServices', value: '' } });
    await once(stream, 'data');
    const silent = await connected(server.port);
    const relay = await startRelay(server.port);
    const lost = connect(`http://127.0.0.1:${relay.port}`);
    await once(lost, 'connect');
    const unanswered = lost.request(POST_GET);
    unanswered.on('error', () => undefined);
    unanswered.end(Buffer.alloc(5));
    await ping(lost);
    relay.stall();

    const gone = [idle, silent].map((end) => once(end, 'close'));
    await server.close(0);

    await Promise.all(gone);
    expect(await reflected).toBe(status.OK);
    expect(server.calls.map(({ code }) => code)).toEqual(['UNAVAILABLE']);
    lost.destroy();
    relay.close();
    reflecting.close();
  });
});

test('an address that is taken is refused', async () => {
  const server = await start();
  await expect(start({ listen: { address: '127.0.0.1', port: server.port } })).rejects.toThrow(/EADDRINUSE/);
});

test('a connection may ping without having a stream', async () => {
  const server = await start();
  const session = connect(`http://${server.address}`);
  await once(session, 'connect');
  const answered = [];
  for (let count = 0; count < 10; count += 1) answered.push(await ping(session));
  expect(answered).toEqual(Array(10).fill(true));
  expect(session.destroyed).toBe(false);
  session.destroy();
});

async function connected(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket.resume(), 'connect');
  return socket;
}

/** Between a caller and the server: once it stalls, the server is told nothing any more and nothing of what it sends is read. */
async function startRelay(to: number) {
  const sockets: Socket[] = [];
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connectTcp({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined));
    near.pipe(far);
    far.pipe(near);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    port: (relay.address() as AddressInfo).port,
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

function ping(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => session.ping((error) => resolve(error === null)));
}

describe('with TLS and a client authority', () => {
  let directory: string;
  const pem = (name: string) => readFileSync(join(directory, `${name}.pem`));
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-tls-'));
    await command('bash', [treePath('test', 'support', 'hosts', 'certificates.sh'), directory, '127.0.0.1']);
  });
  afterAll(() => rm(directory, { recursive: true }));

  const startWithTls = async (subjects: string[]) =>
    start({
      tls: { cert: pem('127.0.0.1'), key: pem('127.0.0.1-key'), clientCa: pem('ca') },
      operations: {
        get: async (_request, { subject }) => {
          subjects.push(subject);
          return Operation.fromPartial({});
        },
      },
    });

  /** Calls Get; null where it was answered. */
  async function codeOf(server: StubServer, creds: ChannelCredentials): Promise<status | null> {
    const client = new Client(`localhost:${server.port}`, creds);
    const { error } = await rawCall(server.address, GET, NOTHING, { client });
    client.close();
    return error?.code ?? null;
  }

  /** A client certificate of the authority, without a common name. */
  async function issue(name: string, extension: string): Promise<void> {
    const at = (suffix: string) => join(directory, `${name}${suffix}`);
    await writeFile(at('.cnf'), `extendedKeyUsage=clientAuth\n${extension}\n`);
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('-key.pem')];
    await command('openssl', ['req', '-new', ...key, '-subj', '/', '-out', at('.csr')]);
    const authority = ['-CA', join(directory, 'ca.pem'), '-CAkey', join(directory, 'ca-key.pem'), '-CAcreateserial'];
    const request = ['-req', '-in', at('.csr'), '-extfile', at('.cnf'), '-days', '1', '-out', at('.pem')];
    await command('openssl', ['x509', ...request, ...authority]);
  }

  test("the subject is the certificate's common name", async () => {
    const subjects: string[] = [];
    const server = await startWithTls(subjects);
    const mine = credentials.createSsl(pem('ca'), pem('client-key'), pem('client'));
    expect(await codeOf(server, mine)).toBeNull();
    expect(subjects).toEqual(['client']);
  });

  test('without a common name it is the first alternative name', async () => {
    await issue('workload', 'subjectAltName=URI:spiffe://fleet/api,DNS:api.fleet');
    const subjects: string[] = [];
    const server = await startWithTls(subjects);
    const mine = credentials.createSsl(pem('ca'), pem('workload-key'), pem('workload'));
    expect(await codeOf(server, mine)).toBeNull();
    expect(subjects).toEqual(['URI:spiffe://fleet/api']);
  });

  test('a certificate that names nobody is UNAUTHENTICATED', async () => {
    await issue('nobody', '');
    const subjects: string[] = [];
    const server = await startWithTls(subjects);
    const mine = credentials.createSsl(pem('ca'), pem('nobody-key'), pem('nobody'));
    expect(await codeOf(server, mine)).toBe(status.UNAUTHENTICATED);
    expect(subjects).toEqual([]);
  });

  test('the end does not wait for a connection that has not begun to encrypt', async () => {
    const server = await startWithTls([]);
    const silent = await connected(server.port);
    const gone = once(silent, 'close');
    await server.close(60_000);
    await gone;
    expect(silent.destroyed).toBe(true);
  });

  test('a caller without a certificate, or in plaintext, gets nowhere', async () => {
    const subjects: string[] = [];
    const server = await startWithTls(subjects);
    expect(await codeOf(server, credentials.createSsl(pem('ca')))).toBe(status.UNAVAILABLE);
    expect(await codeOf(server, credentials.createInsecure())).toBe(status.UNAVAILABLE);
    expect(subjects).toEqual([]);
  });
});
