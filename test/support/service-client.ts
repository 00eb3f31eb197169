import { credentials, type ServiceError } from '@grpc/grpc-js';
import { Container } from '../../gen/ts/longshore/containers/v1/container.js';
import {
  ContainerServiceClient,
  type DeepPartial,
  DeployContainerRevisionRequest,
  type ImageSpec,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import type { Revision } from '../../gen/ts/longshore/containers/v1/revision.js';
import type { Operation } from '../../gen/ts/longshore/operation/v1/operation.js';
import { OperationServiceClient } from '../../gen/ts/longshore/operation/v1/operation_service.js';

export interface DeployDraft extends DeepPartial<Omit<DeployContainerRevisionRequest, 'containerId' | 'imageSpec'>> {
  readonly imageSpec?: DeepPartial<Omit<ImageSpec, 'environment'>> & {
    readonly environment?: Readonly<Record<string, string>>;
  };
}

/** What tests ask of a service, as promises. They reject with grpc-js' ServiceError. */
export interface ServiceClient {
  readonly containers: InstanceType<typeof ContainerServiceClient>;
  readonly operations: InstanceType<typeof OperationServiceClient>;
  createContainer(name: string): Promise<Container>;
  /** Answers with the accepted operation, as the other changes do. */
  deploy(containerId: string, imageUrl: string, more?: DeployDraft): Promise<Operation>;
  rollback(containerId: string, revisionId: string): Promise<Operation>;
  stop(containerId: string): Promise<Operation>;
  start(containerId: string): Promise<Operation>;
  delete(containerId: string): Promise<Operation>;
  cancel(operationId: string): Promise<Operation>;
  container(containerId: string): Promise<Container>;
  revision(revisionId: string): Promise<Revision>;
  /** Newest first. */
  revisions(containerId: string): Promise<readonly Revision[]>;
  operation(operationId: string): Promise<Operation>;
  /** Until it has ended, whatever its result. */
  done(operation: Operation): Promise<Operation>;
  /** Until it has ended; throws if it failed. */
  succeeded(operation: Operation): Promise<Operation>;
  close(): void;
}

const WAIT_SECONDS = 100;

export function serviceClient(addr: string): ServiceClient {
  const containers = new ContainerServiceClient(addr, credentials.createInsecure());
  const operations = new OperationServiceClient(addr, credentials.createInsecure());
  const done = async ({ id: operationId }: Operation): Promise<Operation> => {
    const timeout = { seconds: BigInt(WAIT_SECONDS), nanos: 0 };
    const ended = await reply<Operation>((answer) => operations.wait({ operationId, timeout }, answer));
    if (!ended.done) throw new Error(`operation ${operationId} did not end within ${WAIT_SECONDS} s`);
    return ended;
  };
  const succeeded = async (operation: Operation): Promise<Operation> => {
    const ended = await done(operation);
    if (ended.result?.$case === 'error') throw new Error(`${ended.description}: ${ended.result.value.message}`);
    return ended;
  };
  return {
    containers,
    operations,
    async createContainer(name) {
      const request = { folderId: 'test', name, description: '', labels: new Map<string, string>() };
      const accepted = await reply<Operation>((answer) => containers.create(request, answer));
      return responseOf(await succeeded(accepted), Container);
    },
    deploy(containerId, imageUrl, more = {}) {
      const environment = new Map(Object.entries(more.imageSpec?.environment ?? {}));
      const imageSpec = { imageUrl, ...more.imageSpec, environment };
      const request = DeployContainerRevisionRequest.fromPartial({ ...more, containerId, imageSpec });
      return reply((answer) => containers.deployRevision(request, answer));
    },
    rollback: (containerId, revisionId) => reply((answer) => containers.rollback({ containerId, revisionId }, answer)),
    stop: (containerId) => reply((answer) => containers.stop({ containerId }, answer)),
    start: (containerId) => reply((answer) => containers.start({ containerId }, answer)),
    delete: (containerId) => reply((answer) => containers.delete({ containerId }, answer)),
    cancel: (operationId) => reply((answer) => operations.cancel({ operationId }, answer)),
    container: (containerId) => reply((answer) => containers.get({ containerId }, answer)),
    revision: (containerRevisionId) => reply((answer) => containers.getRevision({ containerRevisionId }, answer)),
    async revisions(containerId) {
      const id = { $case: 'containerId' as const, value: containerId };
      const request = { id, pageSize: 1000n, pageToken: '', filter: '' };
      const page = await reply<{ revisions: Revision[] }>((answer) => containers.listRevisions(request, answer));
      return page.revisions;
    },
    operation: (operationId) => reply((answer) => operations.get({ operationId }, answer)),
    done,
    succeeded,
    close() {
      containers.close();
      operations.close();
    },
  };
}

/** The message packed in a successful operation. */
export function responseOf<Message>(
  { id, result }: Operation,
  type: { readonly $type: string; decode(bytes: Uint8Array): Message },
): Message {
  if (result?.$case !== 'response') throw new Error(`operation ${id} has no response`);
  if (result.value.typeUrl !== `type.googleapis.com/${type.$type}`) throw new Error(`it is a ${result.value.typeUrl}`);
  return type.decode(result.value.value);
}

function reply<Response>(
  send: (answer: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    send((error, response) => (error ? reject(error) : resolve(response)));
  });
}
