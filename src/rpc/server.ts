import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ServerReflectionService } from '../../gen/ts/grpc/reflection/v1/reflection.js';
import { HealthService } from '../../gen/ts/health/v1/health.js';
import { anonymous, byClientCertificate } from './auth.js';
import { type Connections, listen } from './connections.js';
import { createDescriptors } from './descriptors.js';
import { createDrain, type Drain } from './drain.js';
import { health } from './health.js';
import { reflection } from './reflection.js';
import type { RpcService } from './service.js';
import { nameOn, SURFACES } from './surfaces.js';
import { type CallRecord, type RpcLog, type UnaryOptions, unary } from './unary.js';

export interface GrpcServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly address: string; readonly port: number };
  readonly services: readonly RpcService[];
  /** Null: plaintext. With a client CA, callers need a certificate of it and are known by its subject. All PEM. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer | null } | null;
  /** Whether grpc.health.v1.Health says SERVING. */
  readonly ready: () => boolean;
  /** FileDescriptorSet of all that is served, with our names. */
  readonly descriptorSet: Uint8Array;
  readonly log: RpcLog;
  readonly observeCall: (record: CallRecord) => void;
}

export interface GrpcServer {
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Takes no new calls, tells health watchers and long polls, and lets the calls in flight end. After `withinMs` those that are left are answered with
   * UNAVAILABLE, and after a moment for that to be read, connections that are still there are cut. Never rejects; the second call waits for the first.
   */
  close(withinMs: number): Promise<void>;
}

const REFLECTION_NAMES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
const HEALTH_NAME = 'grpc.health.v1.Health';

/**
 * Connections have no age or idle limit: clients keep one open for ever and ping it every 30 s without a stream, which grpc-js
 * answers. The server's own pings find the ones whose other end is gone.
 */
const LIMITS = {
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1000,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Statistics that nobody reads.
  'grpc.enable_channelz': 0,
};

/** For what the last calls were answered to reach callers who read. */
const LAST_WORDS_MS = 250;

/** Starts to listen. Rejects if the address cannot be had. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { services, tls, ready, descriptorSet, log, observeCall } = options;
  const server = new Server(LIMITS);
  const shutdown = new AbortController();
  const draining = shutdown.signal;
  const drain = createDrain();
  const authenticate = tls?.clientCa ? byClientCertificate : anonymous;

  for (const surface of SURFACES) {
    for (const service of services) {
      addService(server, service, { surface, drain, authenticate, log, observeCall });
    }
  }
  const served = SURFACES.flatMap((surface) => services.map((service) => nameOn(surface, service.name)));
  server.addService(HealthService, health({ services: served, ready, draining }));
  const listed = [...served, HEALTH_NAME, ...REFLECTION_NAMES];
  addReflection(server, reflection({ descriptors: createDescriptors(descriptorSet), services: listed, draining }));

  // Connections are accepted here and not by grpc-js, which can end them only where it has seen a session and keeps statistics.
  const injector = server.createConnectionInjector(credentials(tls));
  const connections = await listen(options.listen, (socket) => injector.injectConnection(socket));
  const end = async (withinMs: number): Promise<void> => {
    connections.refuse();
    shutdown.abort();
    drain.begin();
    await ended(server, { drain, connections, withinMs });
  };
  let closed: Promise<void> | null = null;
  return { port: connections.port, close: (withinMs) => (closed ??= end(withinMs)) };
}

function addService(server: Server, service: RpcService, options: UnaryOptions): void {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  const name = nameOn(options.surface, service.name);
  for (const method of service.methods) {
    definition[method.name] = {
      path: `/${name}/${method.name}`,
      requestStream: false,
      responseStream: false,
      ...RAW,
    };
    implementation[method.name] = unary(method, options);
  }
  server.addService(definition, implementation);
}

/** Methods code their own messages. */
const same = (bytes: Buffer): Buffer => bytes;
const RAW = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };

function addReflection(server: Server, serverReflectionInfo: ReturnType<typeof reflection>): void {
  for (const name of REFLECTION_NAMES) {
    const method = { ...ServerReflectionService.serverReflectionInfo, path: `/${name}/ServerReflectionInfo` };
    server.addService({ serverReflectionInfo: method }, { serverReflectionInfo });
  }
}

function credentials(tls: GrpcServerOptions['tls']): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const pairs = [{ cert_chain: tls.cert, private_key: tls.key }];
  return ServerCredentials.createSsl(tls.clientCa, pairs, tls.clientCa !== null);
}

interface Remains {
  readonly drain: Drain;
  readonly connections: Connections;
  readonly withinMs: number;
}

/** Resolves when no call and no connection is left. */
async function ended(server: Server, { drain, connections, withinMs }: Remains): Promise<void> {
  const done = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const cutting = setTimeout(() => drain.cut(), withinMs);
  const destroying = setTimeout(() => connections.destroy(), withinMs + LAST_WORDS_MS);
  await done;
  clearTimeout(cutting);
  clearTimeout(destroying);
  // Those that never became more than a connection.
  connections.destroy();
}
