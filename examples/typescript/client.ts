import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, type ServiceError } from '@grpc/grpc-js';
import type { Container } from '../../gen/ts/longshore/containers/v1/container.js';
import {
  ContainerServiceClient,
  CreateContainerMetadata,
  DeployContainerRevisionMetadata,
  DeployContainerRevisionRequest,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import { Revision } from '../../gen/ts/longshore/containers/v1/revision.js';
import type { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import { OperationServiceClient } from '../../gen/ts/longshore/operation/v1/operation_service.js';

/*
 * A whole client, from the generated code: creates a container, deploys an image, shows its url, deletes it again.
 *
 *   node --import tsx examples/typescript/client.ts 127.0.0.1:50051 registry.example.com/team/app:1.4.2
 *
 * By TLS where LONGSHORE_TLS_CA, LONGSHORE_TLS_CERT and LONGSHORE_TLS_KEY name PEM files: the authority of the server, and a certificate of ours.
 */

const [address = '127.0.0.1:50051', image = 'longshore/demo-app:latest'] = process.argv.slice(2);
const containers = new ContainerServiceClient(address, channelCredentials());
const operations = new OperationServiceClient(address, channelCredentials());

function channelCredentials(): ChannelCredentials {
  const { LONGSHORE_TLS_CA: ca, LONGSHORE_TLS_CERT: cert, LONGSHORE_TLS_KEY: key } = process.env;
  if (!ca || !cert || !key) return credentials.createInsecure();
  return credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(cert));
}

type Callback<T> = (error: ServiceError | null, answer: T) => void;

const answer = <T>(call: (callback: Callback<T>) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });

/** Waits until it is done, and throws the reason if it failed. Wait answers as soon as there is something to say. */
async function done(submitted: Operation): Promise<Operation> {
  let operation = submitted;
  while (!operation.done) {
    const request = { operationId: operation.id, timeout: { seconds: 30n, nanos: 0 } };
    operation = await answer<Operation>((callback) => operations.wait(request, callback));
  }
  if (operation.result?.$case === 'error')
    throw new Error(`${operation.description}: ${operation.result.value.message}`);
  return operation;
}

/** Metadata and response are packed with the name of their message, which the method's documentation tells. */
function unpack<T>(packed: { value: Uint8Array } | undefined, message: { decode(bytes: Uint8Array): T }): T {
  if (!packed) throw new Error('the operation carries no message');
  return message.decode(packed.value);
}

const responseOf = ({ result }: Operation) => (result?.$case === 'response' ? result.value : undefined);

async function main(): Promise<void> {
  const created = await answer<Operation>((callback) =>
    containers.create({ folderId: 'examples', name: 'hello', description: '', labels: new Map() }, callback),
  );
  const { containerId } = unpack((await done(created)).metadata, CreateContainerMetadata);

  const request = DeployContainerRevisionRequest.fromPartial({ containerId, imageSpec: { imageUrl: image } });
  const deploying = await answer<Operation>((callback) => containers.deployRevision(request, callback));
  console.log(
    `revision ${unpack(deploying.metadata, DeployContainerRevisionMetadata).containerRevisionId} is being deployed`,
  );
  const revision = unpack(responseOf(await done(deploying)), Revision);

  const { url } = await answer<Container>((callback) => containers.get({ containerId }, callback));
  console.log(`${revision.image?.imageUrl} (${revision.image?.imageDigest}) answers at ${url}`);

  await done(await answer<Operation>((callback) => containers.delete({ containerId }, callback)));
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => {
    containers.close();
    operations.close();
  });
