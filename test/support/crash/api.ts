import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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

const root = join(__dirname, '../../..');

const any = z.object({ type_url: z.string(), value: z.instanceof(Buffer) });
const operation = z.object({
  id: z.string(),
  created_by: z.string().optional(),
  done: z.boolean(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
  response: any.nullish(),
  metadata: any.nullish(),
});
const container = z.object({
  id: z.string(),
  status: z.string(),
  url: z.string(),
  active_revision_id: z.string(),
  status_message: z.string(),
  instances: z.array(
    z.object({
      id: z.string(),
      revision_id: z.string(),
      gpu_uuids: z.array(z.string()),
      address: z.string(),
      state: z.string(),
    }),
  ),
});
const binding = z.object({ role_id: z.string(), subject: z.object({ id: z.string() }) });
const revision = z.object({ id: z.string(), status: z.string() });

export type ApiOperation = z.infer<typeof operation>;
export type ApiContainer = z.infer<typeof container>;
export type ApiRevision = z.infer<typeof revision>;

export interface Api {
  /**
   * Changes: `Create`, `DeployRevision`, `Cancel` ... with the message as an object. Null: no answer came, and what became of it is unknown.
   * Sent once, when a connection is there.
   */
  change(method: string, request: object, idempotencyKey: string | null): Promise<ApiOperation | null>;
  operation(id: string): Promise<ApiOperation>;
  /** Until it is done, or `seconds` are over. */
  wait(id: string, seconds: number): Promise<ApiOperation>;
  /** The newest ones. */
  operations(folderId: string): Promise<readonly ApiOperation[]>;
  /** Null: NOT_FOUND. */
  container(id: string): Promise<ApiContainer | null>;
  revisions(containerId: string): Promise<readonly ApiRevision[]>;
  /** As `role of subject`. */
  bindings(containerId: string): Promise<readonly string[]>;
  /** What an operation is about, read from its metadata's first field, an id in all of them. */
  subject(operation: ApiOperation): string;
  close(): void;
}

const NOT_FOUND = 5;
const UNAVAILABLE = 14;

/** An API that reads are asked again of where it is away: its process may have died, and the next one be on its way. */
export function connectApi(addr: string): Api {
  const packages = load();
  const containers = clientOf(packages, 'longshore.containers.v1.ContainerService', addr);
  const operations = clientOf(packages, 'longshore.operation.v1.OperationService', addr);
  const listed = (field: string, items: z.ZodType) => z.object({ [field]: z.array(items) });
  return {
    change: async (method, request, key) => {
      const client = method === 'Cancel' ? operations : containers;
      try {
        return operation.parse(await call(client, method, request, key));
      } catch (error) {
        if (codeOf(error) === UNAVAILABLE) return null;
        throw error;
      }
    },
    operation: async (operation_id) => operation.parse(await read(operations, 'Get', { operation_id })),
    wait: async (operation_id, seconds) =>
      operation.parse(await read(operations, 'Wait', { operation_id, timeout: { seconds } })),
    operations: async (folder_id) => {
      const page = listed('operations', operation).parse(await read(operations, 'List', { folder_id }));
      return z.array(operation).parse(page['operations']);
    },
    container: async (container_id) => {
      try {
        return container.parse(await read(containers, 'Get', { container_id }));
      } catch (error) {
        if (codeOf(error) === NOT_FOUND) return null;
        throw error;
      }
    },
    revisions: async (container_id) => {
      const page = listed('revisions', revision).parse(await read(containers, 'ListRevisions', { container_id }));
      return z.array(revision).parse(page['revisions']);
    },
    bindings: async (resource_id) => {
      const reply = await read(containers, 'ListAccessBindings', { resource_id });
      const page = listed('access_bindings', binding).parse(reply);
      const found = z.array(binding).parse(page['access_bindings']);
      return found.map(({ role_id, subject }) => `${role_id} of ${subject.id}`);
    },
    subject: ({ metadata }) => firstString(metadata?.value ?? Buffer.alloc(0)),
    close: () => {
      containers.close();
      operations.close();
    },
  };
}

function load(): GrpcObject {
  const files = ['containers/v1/container_service.proto', 'operation/v1/operation_service.proto'];
  return loadPackageDefinition(
    loadSync(
      files.map((file) => join('longshore', file)),
      {
        includeDirs: [join(root, 'proto'), join(root, 'node_modules/google-proto-files')],
        keepCase: true,
        longs: Number,
        enums: String,
        defaults: true,
        oneofs: true,
      },
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

const CALL_MS = 60_000;
const AGAIN_MS = 50;

async function read(client: Client, method: string, request: object): Promise<unknown> {
  const end = performance.now() + CALL_MS;
  for (;;) {
    try {
      return await call(client, method, request, null);
    } catch (error) {
      if (codeOf(error) !== UNAVAILABLE || performance.now() > end) throw error;
      await delay(AGAIN_MS);
    }
  }
}

function call(client: Client, method: string, request: object, key: string | null): Promise<unknown> {
  const send: unknown = Reflect.get(client, method);
  if (typeof send !== 'function') throw new Error(`there is no method ${method}`);
  const metadata = new Metadata({ waitForReady: true });
  if (key !== null) metadata.set('idempotency-key', key);
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: unknown) => (error ? reject(error) : resolve(reply));
    send.call(client, request, metadata, { deadline: Date.now() + CALL_MS }, answer);
  });
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);

/** Field 1 of a message, length-delimited: tag 0x0a, length, text. */
function firstString(message: Buffer): string {
  if (message[0] !== 0x0a) return '';
  return message.subarray(2, 2 + (message[1] ?? 0)).toString();
}
