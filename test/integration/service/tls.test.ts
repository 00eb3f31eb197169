import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, type ServiceError } from '@grpc/grpc-js';
import type { Container } from '../../../gen/ts/longshore/containers/v1/container.js';
import { ContainerServiceClient } from '../../../gen/ts/longshore/containers/v1/container_service.js';
import type { Operation } from '../../../gen/ts/longshore/operation/v1/operation.js';
import { makeCa, makeCertificate, type Pair } from '../../support/pem.js';
import { newDirectory } from '../../support/run-directory.js';
import { type RunningService, startService } from '../../support/service.js';

describe('gRPC with client certificates', () => {
  let service: RunningService;
  let ca: Pair;
  let stranger: Pair;
  let alice: Pair;

  beforeAll(async () => {
    const dir = newDirectory('tls');
    [ca, stranger] = await Promise.all([makeCa(dir), makeCa(dir, 'stranger')]);
    const server = await makeCertificate(dir, ca, 'server');
    alice = await makeCertificate(dir, ca, 'alice');
    const env = {
      LONGSHORE_TLS_CERT: server.cert,
      LONGSHORE_TLS_KEY: server.key,
      LONGSHORE_TLS_CLIENT_CA: ca.cert,
    };
    // No engine is there: Create touches none.
    const nowhere = { LONGSHORE_HOSTS_FILE: '', DOCKER_HOST: 'unix:///no/such/docker.sock' };
    service = await startService({ engines: [], env: { ...env, ...nowhere } });
  });

  afterAll(() => service?.stop(5_000));

  const as = (pair: Pair | null): ChannelCredentials =>
    pair === null
      ? credentials.createSsl(readFileSync(ca.cert))
      : credentials.createSsl(readFileSync(ca.cert), readFileSync(pair.key), readFileSync(pair.cert));

  /** Calls on a connection of its own, and says how that ended. */
  async function called<Answer>(
    channel: ChannelCredentials,
    send: (client: InstanceType<typeof ContainerServiceClient>, answer: Reply<Answer>) => void,
  ): Promise<Answer> {
    const client = new ContainerServiceClient(`127.0.0.1:${service.grpcPort}`, channel);
    try {
      return await new Promise<Answer>((resolve, reject) =>
        send(client, (error, answer) => (error ? reject(error) : resolve(answer))),
      );
    } finally {
      client.close();
    }
  }

  const create = (channel: ChannelCredentials, name: string) =>
    called<Operation>(channel, (client, answer) =>
      client.create({ folderId: 'test', name, description: '', labels: new Map() }, answer),
    );
  const list = (channel: ChannelCredentials) =>
    called<{ containers: Container[] }>(channel, (client, answer) =>
      client.list({ folderId: 'test', pageSize: 0n, pageToken: '', filter: '' }, answer),
    );

  test('the name in the certificate is who asked', async () => {
    expect(await create(as(alice), 'hers')).toMatchObject({ createdBy: 'alice' });
  });

  test.each([
    ['without a certificate', () => as(null)],
    ['with one that somebody else has signed', () => as(stranger)],
    ['in plaintext', () => credentials.createInsecure()],
  ])('%s nobody gets in', async (_, channel) => {
    await expect(create(channel(), 'not-theirs')).rejects.toMatchObject({ code: 14 });
    const { containers } = await list(as(alice));
    expect(containers.map(({ name }) => name)).not.toContain('not-theirs');
  });
});

type Reply<Answer> = (error: ServiceError | null, answer: Answer) => void;
