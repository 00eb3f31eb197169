import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@grpc/grpc-js';
import { z } from 'zod';
import { callOnce, clientOf, firstText, loadApi } from '../stranger.js';

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
  stopped: z.boolean(),
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
  const packages = loadApi(root);
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
    subject: ({ metadata }) => firstText(metadata?.value),
    close: () => {
      containers.close();
      operations.close();
    },
  };
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
  return callOnce(client, method, request, { key, deadlineMs: CALL_MS, waitForReady: true });
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);
