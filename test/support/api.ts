import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  loadSync,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { ErrorInfo } from '../../gen/ts/google/rpc/error_details.js';
import { Status } from '../../gen/ts/google/rpc/status.js';
import { messageTypeRegistry } from '../../gen/ts/typeRegistry.js';
import { containerView } from '../../src/domain/container-view.js';
import type { HostRecord } from '../../src/domain/host.js';
import { treePath } from '../../src/paths.js';
import { containersRpc } from '../../src/rpc/containers-service.js';
import { operationsRpc } from '../../src/rpc/operations-service.js';
import { startGrpcServer } from '../../src/rpc/server.js';
import { allowAll } from '../../src/services/authorizer.js';
import { createServices } from '../../src/services/services.js';
import type { Store } from '../../src/store/redis-store.js';
import { type RedisServer, startRedis } from './redis.js';
import { lease, newId, openStore, stateOf } from './store-fixture.js';

/** A message as a dynamic client has it: names as in the .proto files, int64 as text, enums by name. */
export type Message = Readonly<Record<string, unknown>>;

export interface CallResult {
  /** Null where the call failed. */
  readonly response: Message | null;
  readonly error: ServiceError | null;
  /** What grpc-status-details-bin carried, by type name; empty without an error. */
  readonly details: ReadonlyMap<string, Message>;
  readonly reason: string;
  /** Fields of BadRequest. */
  readonly fields: readonly string[];
}

export interface Surface {
  /** Calls `<service>.<Method>`, `ContainerService.Get` for example. */
  call(method: string, request: Message, headers?: Readonly<Record<string, string>>): Promise<CallResult>;
  /** The response of a call that has to succeed. */
  ok(method: string, request: Message, headers?: Readonly<Record<string, string>>): Promise<Message>;
  /** An Any, by the type that its URL names strictly; null where there is none. */
  unpack(any: unknown): Message | null;
  /** `/package.Service/Method` */
  path(method: string): string;
}

/** The API over a real socket with a real Redis, as two dynamic clients see it; no worker runs but `work`. */
export interface Api {
  readonly address: string;
  readonly redis: RedisServer;
  readonly store: Store;
  readonly longshore: Surface;
  readonly yandex: Surface;
  readonly logged: object[];
  /** Stands for the worker: takes and completes the oldest operation of a container as the kind demands. */
  work(containerId: string): Promise<void>;
  addHost(host: HostRecord): Promise<void>;
  close(): Promise<void>;
}

export const urlOf = (containerId: string): string => `http://${containerId}.containers.localhost:8081/`;

export async function startApi(): Promise<Api> {
  const redis = await startRedis();
  const store = openStore(redis.url);
  const { records, watch } = store;
  const clock = () => Date.now();
  const services = createServices({ records, watch, authorizer: allowAll, urlOf, newId, clock });
  const logged: object[] = [];
  const server = await startGrpcServer({
    listen: { address: '127.0.0.1', port: 0 },
    services: [containersRpc(services), operationsRpc(services.operations)],
    tls: null,
    ready: () => true,
    descriptorSet: readFileSync(treePath('gen', 'descriptors.binpb')),
    log: { debugs: true, debug: () => undefined, info: () => undefined, error: (fields) => logged.push(fields) },
    observeCall: () => undefined,
  });
  const address = `127.0.0.1:${server.port}`;
  const client = new Client(address, credentials.createInsecure());
  return {
    address,
    redis,
    store,
    logged,
    longshore: surfaceOf(client, longshoreTypes(), ['longshore.containers.v1', 'longshore.operation.v1']),
    yandex: surfaceOf(client, yandexTypes(), ['yandex.cloud.serverless.containers.v1', 'yandex.cloud.operation']),
    work: (containerId) => work(store, containerId),
    addHost: async (host) => store.hostWork.saveHost(await lease(store, `host/${host.name}`), host),
    close: async () => {
      client.close();
      await server.close(1_000);
      await store.controlPlane.close();
      await redis.stop();
    },
  };
}

const OPTIONS: Options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

function longshoreTypes(): PackageDefinition {
  const services = [
    'longshore/containers/v1/container_service.proto',
    'longshore/operation/v1/operation_service.proto',
  ];
  return load(treePath('proto'), services);
}

function yandexTypes(): PackageDefinition {
  return load(treePath('test', 'support', 'yandex'), ['yandex/cloud/serverless/containers/v1/containers.proto']);
}

function load(root: string, files: readonly string[]): PackageDefinition {
  const includeDirs = [root, treePath('node_modules', 'google-proto-files')];
  return loadSync([...files, 'google/protobuf/empty.proto'], { ...OPTIONS, includeDirs });
}

function surfaceOf(client: Client, types: PackageDefinition, packages: readonly string[]): Surface {
  const definitionOf = (method: string) => {
    const [service = '', name = ''] = method.split('.');
    const definition = packages.map((prefix) => types[`${prefix}.${service}`]).find((found) => found !== undefined);
    const found = (definition as ServiceDefinition | undefined)?.[name];
    if (found === undefined) throw new Error(`there is no ${method} in ${packages.join(', ')}`);
    return found;
  };
  const call: Surface['call'] = (method, request, headers = {}) => {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
    return new Promise((resolve) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, {}, (error, response) =>
        resolve({ response: (response as Message | undefined) ?? null, error, ...detailsOf(error) }),
      );
    });
  };
  return {
    call,
    ok: async (method, request, headers) => {
      const { response, error } = await call(method, request, headers);
      if (response === null) throw new Error(`${method}: ${error?.message}`);
      return response;
    },
    unpack: (any) => unpack(types, any),
    path: (method) => definitionOf(method).path,
  };
}

function unpack(types: PackageDefinition, any: unknown): Message | null {
  if (any === null || any === undefined) return null;
  const { type_url: url, value } = any as { type_url: string; value: Buffer };
  const [prefix, name = ''] = url.split('/');
  const type = types[name] as MessageTypeDefinition<object, Message> | undefined;
  if (prefix !== 'type.googleapis.com' || type === undefined) throw new Error(`nobody knows ${url}`);
  return type.deserialize(value);
}

export function detailsOf(error: ServiceError | null): Pick<CallResult, 'details' | 'reason' | 'fields'> {
  const details = new Map<string, Message>();
  const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
  if (Buffer.isBuffer(bytes)) {
    for (const { typeUrl, value } of Status.decode(bytes).details) {
      const name = typeUrl.slice('type.googleapis.com/'.length);
      details.set(name, { ...messageTypeRegistry.get(name)?.decode(value) });
    }
  }
  const info = details.get(ErrorInfo.$type);
  const violations = (details.get('google.rpc.BadRequest')?.fieldViolations ?? []) as readonly { field: string }[];
  const reason = typeof info?.reason === 'string' ? info.reason : '';
  return { details, reason, fields: violations.map((violation) => violation.field) };
}

async function work(store: Store, containerId: string): Promise<void> {
  const held = await lease(store, `container/${containerId}`);
  const loaded = await store.containerWork.load(held, containerId);
  const operation = loaded?.queued;
  if (!loaded || !operation) throw new Error(`nothing is queued for ${containerId}`);
  const { id: operationId, kind, revisionId } = operation;
  const take = (state = loaded.record.state) =>
    store.containerWork.takeOperation(held, { containerId, state, operationId });
  await take();
  if (kind === 'DELETE') return store.containerWork.removeContainer(held, containerId, operationId);
  let { state } = loaded.record;
  if (revisionId !== null) {
    state = stateOf({ ...state, activeRevisionId: revisionId });
    const image = { digest: `sha256:${'0'.repeat(64)}`, id: `sha256:${'1'.repeat(64)}`, pullReference: null };
    const route = {
      containerId,
      state: 'EMPTY',
      revisionId,
      targets: [],
      concurrency: 0,
      executionTimeoutMs: 1,
    } as const;
    await store.containerWork.switchRevision(held, {
      containerId,
      state,
      revisionId,
      route,
      image: { revisionId, image },
    });
  }
  const [record, revision] = await Promise.all([
    store.records.container(containerId),
    revisionId === null ? null : store.records.revision(revisionId),
  ]);
  if (record === null) throw new Error(`${containerId} is gone`);
  const container = containerView(record, urlOf(containerId));
  const result =
    kind === 'DEPLOY' && revision !== null
      ? ({ kind: 'REVISION', revision } as const)
      : ({ kind: 'CONTAINER', container } as const);
  await store.containerWork.completeOperation(held, {
    containerId,
    state,
    operationId,
    result,
    revisionToRemove: null,
  });
  await store.queue.release(held, { delayMs: null, clean: true });
}
