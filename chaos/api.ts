import { join } from 'node:path';
import {
  Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { z } from 'zod';

/*
 * The public API as a stranger sees it: messages read from the .proto files at run time, none of the generated code and none of the
 * service's own.
 */

const any = z.object({ type_url: z.string(), value: z.instanceof(Buffer) });
const timestamp = z.object({ seconds: z.number(), nanos: z.number() });
const operation = z.object({
  id: z.string(),
  description: z.string(),
  created_by: z.string(),
  created_at: timestamp.nullish(),
  modified_at: timestamp.nullish(),
  done: z.boolean(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
  response: any.nullish(),
  metadata: any.nullish(),
});
const container = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  url: z.string(),
  active_revision_id: z.string(),
  status_message: z.string(),
  instances: z.array(
    z.object({
      id: z.string(),
      revision_id: z.string(),
      host: z.string(),
      gpu_uuids: z.array(z.string()),
      state: z.string(),
    }),
  ),
});
const revision = z.object({ id: z.string(), status: z.string() });

export type ApiOperation = z.infer<typeof operation>;
export type ApiContainer = z.infer<typeof container>;
export type ApiRevision = z.infer<typeof revision>;

/** What an RPC ended with. */
export interface Refusal {
  /** A code of gRPC. */
  readonly code: number;
  readonly message: string;
}

export const CODE = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** One API process. Every call is sent once and rejects with a Refusal. */
export interface Api {
  change(method: string, request: object, idempotencyKey: string): Promise<ApiOperation>;
  operation(id: string): Promise<ApiOperation>;
  /** All of a container, the newest first. */
  operationsOf(containerId: string): Promise<readonly ApiOperation[]>;
  container(id: string): Promise<ApiContainer>;
  containers(folderId: string): Promise<readonly ApiContainer[]>;
  revisions(containerId: string): Promise<readonly ApiRevision[]>;
  close(): void;
}

export function connectApi(root: string, addr: string): Api {
  const packages = load(root);
  const containers = clientOf(packages, 'longshore.containers.v1.ContainerService', addr);
  const operations = clientOf(packages, 'longshore.operation.v1.OperationService', addr);
  const all = async <T>(method: string, request: object, field: string, item: z.ZodType<T>): Promise<readonly T[]> => {
    const found: T[] = [];
    let page_token = '';
    do {
      const reply = await call(containers, method, { ...request, page_size: 100, page_token });
      const page = z.object({ [field]: z.array(z.unknown()), next_page_token: z.string() }).parse(reply);
      found.push(...z.array(item).parse(page[field]));
      page_token = z.string().parse(page['next_page_token']);
    } while (page_token !== '');
    return found;
  };
  return {
    change: async (method, request, key) =>
      operation.parse(await call(method === 'Cancel' ? operations : containers, method, request, key)),
    operation: async (operation_id) => operation.parse(await call(operations, 'Get', { operation_id })),
    operationsOf: (container_id) => all('ListOperations', { container_id }, 'operations', operation),
    container: async (container_id) => container.parse(await call(containers, 'Get', { container_id })),
    containers: (folder_id) => all('List', { folder_id }, 'containers', container),
    revisions: (container_id) => all('ListRevisions', { container_id }, 'revisions', revision),
    close: () => {
      containers.close();
      operations.close();
    },
  };
}

/** What an operation is about: the first field of its metadata, an id in all of them. */
export function subjectOf({ metadata }: ApiOperation): string {
  const message = metadata?.value ?? Buffer.alloc(0);
  // Length-delimited: tag 0x0a, length, text.
  return message[0] === 0x0a ? message.subarray(2, 2 + (message[1] ?? 0)).toString() : '';
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    return { code: error.code, message: error.message };
  }
  throw error;
}

function load(root: string): GrpcObject {
  const files = ['containers/v1/container_service.proto', 'operation/v1/operation_service.proto'];
  const includeDirs = [join(root, 'proto'), join(root, 'node_modules/google-proto-files')];
  const shape = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  return loadPackageDefinition(
    loadSync(
      files.map((file) => join('longshore', file)),
      { includeDirs, ...shape },
    ),
  );
}

/** Nothing is sent twice unseen, and a process that comes back is found soon. */
const CHANNEL = {
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};

function clientOf(packages: GrpcObject, service: string, addr: string): Client {
  let found: unknown = packages;
  for (const part of service.split('.')) found = Reflect.get(Object(found), part);
  if (typeof found !== 'function') throw new Error(`there is no service ${service}`);
  const client: unknown = Reflect.construct(found, [addr, credentials.createInsecure(), CHANNEL]);
  if (!(client instanceof Client)) throw new Error(`${service} is no service`);
  return client;
}

const CALL_MS = 10_000;

function call(client: Client, method: string, request: object, key: string | null = null): Promise<unknown> {
  const send: unknown = Reflect.get(client, method);
  if (typeof send !== 'function') throw new Error(`there is no method ${method}`);
  const metadata = new Metadata();
  if (key !== null) metadata.set('idempotency-key', key);
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: unknown) => (error ? reject(error) : resolve(reply));
    send.call(client, request, metadata, { deadline: Date.now() + CALL_MS }, answer);
  });
}
