import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { ContainerServiceService } from '../../gen/ts/longshore/containers/v1/container_service.js';
import { OperationServiceService } from '../../gen/ts/longshore/operation/v1/operation_service.js';
import { DomainError } from '../../src/domain/errors.js';
import { treePath } from '../../src/paths.js';
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from '../../src/rpc/server.js';
import { type Handlers, rpcService } from '../../src/rpc/service.js';
import type { CallRecord } from '../../src/rpc/unary.js';

type ContainerHandlers = Handlers<typeof ContainerServiceService>;
type OperationHandlers = Handlers<typeof OperationServiceService>;

export interface StubOptions extends Partial<Pick<GrpcServerOptions, 'ready' | 'tls' | 'listen'>> {
  readonly containers?: Partial<ContainerHandlers>;
  readonly operations?: Partial<OperationHandlers>;
  readonly deadlines?: { readonly get?: number };
}

export interface StubServer extends GrpcServer {
  readonly address: string;
  readonly calls: CallRecord[];
  /** Fields of what was logged as an error. */
  readonly errors: object[];
}

const missing = () => Promise.reject(new DomainError({ code: 'UNIMPLEMENTED', reason: 'STUB', message: 'stub' }));

/** The real server on a free port, with the services' handlers replaced by what the test gives; the others are UNIMPLEMENTED. */
export async function startStubServer(options: StubOptions = {}): Promise<StubServer> {
  const containers: ContainerHandlers = {
    get: missing,
    list: missing,
    create: missing,
    update: missing,
    delete: missing,
    deployRevision: missing,
    rollback: missing,
    stop: missing,
    start: missing,
    getRevision: missing,
    listRevisions: missing,
    listOperations: missing,
    listAccessBindings: missing,
    setAccessBindings: missing,
    updateAccessBindings: missing,
    ...options.containers,
  };
  const operations: OperationHandlers = {
    get: missing,
    list: missing,
    cancel: missing,
    wait: missing,
    ...options.operations,
  };
  const calls: CallRecord[] = [];
  const errors: object[] = [];
  const server = await startGrpcServer({
    listen: options.listen ?? { address: '127.0.0.1', port: 0 },
    services: [
      rpcService(ContainerServiceService, containers, { deadlines: options.deadlines ?? {} }),
      rpcService(OperationServiceService, operations),
    ],
    tls: options.tls ?? null,
    ready: options.ready ?? (() => true),
    descriptorSet: readFileSync(treePath('gen', 'descriptors.binpb')),
    log: { debugs: true, debug: () => undefined, info: () => undefined, error: (fields) => errors.push(fields) },
    observeCall: (record) => calls.push(record),
  });
  return { ...server, address: `127.0.0.1:${server.port}`, calls, errors };
}

export interface RawAnswer {
  readonly error: ServiceError | null;
  readonly bytes: Buffer;
  /** Response headers; null where the answer was trailers only. */
  readonly header: Metadata | null;
}

export interface RawCall {
  readonly metadata?: Record<string, string>;
  readonly deadline?: number;
  readonly client?: Client;
}

/** One unary call of bytes, to the end. `path` is `/package.Service/Method`. */
export async function rawCall(address: string, path: string, bytes: Uint8Array, how: RawCall = {}): Promise<RawAnswer> {
  const client = how.client ?? new Client(address, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(how.metadata ?? {})) metadata.set(key, value);
  const options = how.deadline === undefined ? {} : { deadline: how.deadline };
  try {
    return await new Promise<RawAnswer>((resolve) => {
      let header: Metadata | null = null;
      const call = client.makeUnaryRequest(path, same, same, Buffer.from(bytes), metadata, options, (error, response) =>
        resolve({ error, bytes: response ?? Buffer.alloc(0), header }),
      );
      call.on('metadata', (received: Metadata) => {
        header = received;
      });
    });
  } finally {
    if (how.client === undefined) client.close();
  }
}

export const same = (bytes: Buffer): Buffer => bytes;
