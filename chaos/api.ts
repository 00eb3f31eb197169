import type { Client } from '@grpc/grpc-js';
import { z } from 'zod';
import { callOnce, clientOf, firstText, loadApi } from '../test/support/stranger.js';

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
  stopped: z.boolean(),
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
  const packages = loadApi(root);
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
export const subjectOf = ({ metadata }: ApiOperation): string => firstText(metadata?.value);

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    return { code: error.code, message: error.message };
  }
  throw error;
}

const CALL_MS = 10_000;

function call(client: Client, method: string, request: object, key: string | null = null): Promise<unknown> {
  return callOnce(client, method, request, { key, deadlineMs: CALL_MS, waitForReady: false });
}
